"""`wherry pull`."""

import base64
import json
from pathlib import Path

import pytest

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run

PROGRESS = (
    b'{"status":"Pulling from library/busybox","id":"latest"}\n'
    b'{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"a"}\n'
    b'{"status":"Pull complete","progressDetail":{},"id":"a"}\n'
    b'{"status":"Status: Downloaded newer image for busybox:latest"}\n'
)


@pytest.fixture(autouse=True)
def _no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def test_a_name_alone_means_latest_and_says_so(engine: FakeEngine, run: Run) -> None:
    """Bars are for terminals; elsewhere each step is a line."""
    engine.answers["POST /images/create"] = (200, PROGRESS)
    result = run("pull", "busybox")
    assert result.stdout.splitlines() == [
        "Using default tag: latest",
        "latest: Pulling from library/busybox",
        "a: Pull complete",
        "Status: Downloaded newer image for busybox:latest",
    ]
    assert engine.sent("POST", "/images/create").query == {"fromImage": ["busybox"], "tag": ["latest"]}
    assert "x-registry-auth" not in engine.sent("POST", "/images/create").headers


def test_quietly_it_prints_what_it_pulled(engine: FakeEngine, run: Run) -> None:
    """By digest where one was given."""
    engine.answers["POST /images/create"] = (200, PROGRESS)
    assert run("pull", "-q", "busybox").stdout == "busybox:latest\n"
    digest = "sha256:" + "a" * 64
    assert run("pull", "-q", f"busybox@{digest}").stdout == f"busybox@{digest}\n"
    assert engine.requests[-1].query == {"fromImage": ["busybox"], "tag": [digest]}


def test_all_tags_name_none(engine: FakeEngine, run: Run) -> None:
    """The engine asks the registry which there are."""
    engine.answers["POST /images/create"] = (200, b"")
    run("pull", "-a", "--platform", "linux/arm64", "busybox")
    assert engine.sent("POST", "/images/create").query == {"fromImage": ["busybox"], "platform": ["linux/arm64"]}


def test_an_error_in_the_stream_is_the_end(engine: FakeEngine, run: Run) -> None:
    """The status was 200 when it came."""
    engine.answers["POST /images/create"] = (200, b'{"errorDetail":{"message":"no basic auth"},"error":"x"}\n')
    result = run("pull", "busybox")
    assert result.exit_code == 1
    assert "no basic auth" in result.stderr


def test_a_login_goes_to_its_own_registry_only(engine: FakeEngine, run: Run, tmp_path: Path) -> None:
    """In a header, as URL-safe base64 of JSON."""
    auth = base64.b64encode(b"me:secret").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"ghcr.io": {"auth": auth}}}))
    engine.answers["POST /images/create"] = (200, b"")
    run("pull", "busybox")
    run("pull", "ghcr.io/x/y:1")
    assert "x-registry-auth" not in engine.requests[0].headers
    sent = json.loads(base64.urlsafe_b64decode(engine.requests[1].headers["x-registry-auth"]))
    assert sent == {"username": "me", "password": "secret", "serveraddress": "ghcr.io"}
