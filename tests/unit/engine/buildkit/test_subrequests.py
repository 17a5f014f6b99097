"""Questions about a Dockerfile that build nothing."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from engine.builder.parser import parse
from engine.buildkit import subrequests
from engine.buildkit.jobs import Failed

TEXT = "FROM busybox AS base\nRUN x\nFROM base AS app\nRUN y\n"


def _job() -> Any:
    async def dockerfile(options: object) -> str:
        return TEXT

    return SimpleNamespace(dockerfile=dockerfile)


def test_the_last_stage_is_the_default() -> None:
    assert subrequests.targets(parse(TEXT)) == {
        "targets": [{"name": "base", "base": "busybox"}, {"name": "app", "base": "base", "default": True}]
    }


async def test_targets_are_told_as_json_and_as_text() -> None:
    result = await subrequests.answer(_job(), {"requestid": "frontend.targets"})
    assert json.loads(result.metadata["result.json"])["targets"][1]["name"] == "app"
    assert result.metadata["result.txt"].decode().splitlines() == ["TARGET", "base", "app (default)"]


async def test_what_is_known_can_be_asked() -> None:
    result = await subrequests.answer(_job(), {"requestid": "frontend.subrequests.describe"})
    names = [each["name"] for each in json.loads(result.metadata["result.json"])]
    assert names == ["frontend.subrequests.describe", "frontend.targets"]


async def test_others_fail_in_a_way_that_clients_know() -> None:
    with pytest.raises(Failed, match="unsupported request frontend.lint"):
        await subrequests.answer(_job(), {"requestid": "frontend.lint"})
