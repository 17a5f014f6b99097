"""Questions about a Dockerfile that build nothing."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from engine.buildkit import subrequests
from engine.buildkit.failures import Failed

TEXT = "# Base has it all\nFROM busybox AS base\nRUN x\nFROM base AS app\nRUN y\n"


def _job() -> Any:
    async def dockerfile(options: object) -> str:
        return TEXT

    return SimpleNamespace(dockerfile=dockerfile)


def test_the_last_stage_is_the_default() -> None:
    assert subrequests.targets(TEXT) == {
        "targets": [
            {"name": "base", "description": "has it all", "base": "busybox"},
            {"name": "app", "base": "base", "default": True},
        ]
    }


async def test_targets_are_told_as_json_and_as_text() -> None:
    result = await subrequests.answer(_job(), {"requestid": "frontend.targets"})
    assert json.loads(result.metadata["result.json"])["targets"][1]["name"] == "app"
    assert result.metadata["result.txt"].decode().splitlines() == ["TARGET", "base", "app (default)"]


async def test_what_is_known_can_be_asked() -> None:
    result = await subrequests.answer(_job(), {"requestid": "frontend.subrequests.describe"})
    names = [each["name"] for each in json.loads(result.metadata["result.json"])]
    assert names == ["frontend.subrequests.describe", "frontend.targets", "frontend.outline"]


def test_an_outline_has_what_the_needed_stages_can_be_told() -> None:
    text = """\
ARG BASE=busybox
FROM $BASE AS made
# A is for apple
ARG A=1
# something else
ARG B
RUN --mount=type=secret,id=s,required=true --mount=type=ssh --mount=type=cache,target=/c make
FROM busybox AS unneeded
ARG C=3
FROM made AS app
ARG A
"""
    assert subrequests.outline(text, {"build-arg:B": "given", "target": "app"}) == {
        "name": "app",
        "args": [
            {"name": "BASE", "value": "busybox"},
            {"name": "A", "description": "is for apple", "value": "1"},
            {"name": "B", "value": "given"},
        ],
        "secrets": [{"name": "s", "required": True}],
        "ssh": [{"name": "default"}],
        "cache": [{"ID": "/c"}],
    }
    assert subrequests.outline("FROM busybox\n", {}) == {}


async def test_an_outline_is_told_as_json_and_as_text() -> None:
    result = await subrequests.answer(_job(), {"requestid": "frontend.outline", "target": "base"})
    assert json.loads(result.metadata["result.json"]) == {"name": "base", "description": "has it all"}
    assert result.metadata["result.txt"] == b"TARGET: base\n"


async def test_others_fail_in_a_way_that_clients_know() -> None:
    with pytest.raises(Failed, match="unsupported request frontend.lint"):
        await subrequests.answer(_job(), {"requestid": "frontend.lint"})
