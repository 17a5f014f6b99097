"""`wherry push`."""

import base64
import json
from pathlib import Path

import pytest

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


@pytest.fixture(autouse=True)
def _no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def test_the_header_is_there_also_without_a_login(engine: FakeEngine, run: Run) -> None:
    """The API refuses a push without one."""
    engine.answers["POST /images/localhost:5000/x/push"] = (200, b'{"status":"latest: digest: sha256:a size: 1"}\n')
    result = run("push", "localhost:5000/x")
    assert "latest: digest: sha256:a size: 1" in result.stdout
    request = engine.sent("POST", "/images/localhost:5000/x/push")
    assert request.query == {"tag": ["latest"]}
    assert json.loads(base64.urlsafe_b64decode(request.headers["x-registry-auth"])) == {}


def test_all_tags_and_platforms(engine: FakeEngine, run: Run) -> None:
    """No tag means all of them."""
    engine.answers["POST /images/x/push"] = (200, b"")
    run("push", "-a", "--platform", "linux/arm64", "x")
    assert engine.sent("POST", "/images/x/push").query == {"platform": ["linux/arm64"]}


def test_quietly_it_prints_the_name(engine: FakeEngine, run: Run) -> None:
    """And nothing of the way."""
    engine.answers["POST /images/x/push"] = (200, b'{"status":"Preparing"}\n')
    assert run("push", "-q", "x:1").stdout == "x:1\n"


def test_a_refusal_is_told(engine: FakeEngine, run: Run) -> None:
    """In the registry's words."""
    engine.answers["POST /images/x/push"] = (200, b'{"errorDetail":{"message":"denied"},"error":"denied"}\n')
    result = run("push", "x")
    assert (result.exit_code, "denied" in result.stderr) == (1, True)
