"""Platforms in queries."""

import json

import pytest

from engine.cli.errors import CommandFailed
from engine.cli.platforms import platform_document
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_its_parts_have_names() -> None:
    assert json.loads(platform_document("linux/arm64/v8") or "") == {
        "os": "linux",
        "architecture": "arm64",
        "variant": "v8",
    }
    assert json.loads(platform_document("linux/amd64") or "") == {"os": "linux", "architecture": "amd64"}
    assert platform_document(None) is None


@pytest.mark.parametrize("text", ["linux/", "a/b/c/d", "/amd64"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match="invalid platform"):
        platform_document(text)


def test_history_and_removal_ask_for_one(engine: FakeEngine, run: Run) -> None:
    engine.answers |= {"GET /images/a/history": (200, []), "DELETE /images/a": (200, [{"Untagged": "a:latest"}])}
    assert run("history", "--platform", "linux/arm64", "a").exit_code == 0
    asked = engine.sent("GET", "/images/a/history").query
    assert json.loads(asked["platform"][0]) == {"os": "linux", "architecture": "arm64"}
    assert run("rmi", "--platform", "linux/arm64", "--platform", "linux/amd64", "a").stdout == "Untagged: a:latest\n"
    assert len(engine.sent("DELETE", "/images/a").query["platforms"]) == 2
