"""Names, credentials, and progress as lines."""

import base64
import json
from pathlib import Path

import pytest

from engine.cli.errors import CommandFailed
from engine.cli.pulling import auth_header, registry_of, show_progress, split_tag


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("busybox", ("busybox", "latest")),
        ("busybox:1", ("busybox", "1")),
        ("localhost:5000/x", ("localhost:5000/x", "latest")),
        ("localhost:5000/x:2", ("localhost:5000/x", "2")),
        ("x@sha256:ab", ("x", "sha256:ab")),
    ],
)
def test_a_name_alone_means_latest(reference: str, parts: tuple[str, str]) -> None:
    """A port is no tag."""
    assert split_tag(reference) == parts


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("busybox", "https://index.docker.io/v1/"),
        ("user/x", "https://index.docker.io/v1/"),
        ("ghcr.io/x", "ghcr.io"),
        ("localhost/x", "localhost"),
        ("localhost:5000/x", "localhost:5000"),
    ],
)
def test_credentials_belong_to_one_registry(reference: str, registry: str) -> None:
    """They go nowhere else."""
    assert registry_of(reference) == registry


def test_stored_credentials_become_the_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From docker's own file."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    secret = base64.b64encode(b"me:pass:word").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"ghcr.io": {"auth": secret}}}))
    header = auth_header("ghcr.io/x")["X-Registry-Auth"]
    assert json.loads(base64.urlsafe_b64decode(header)) == {
        "username": "me",
        "password": "pass:word",
        "serveraddress": "ghcr.io",
    }
    assert auth_header("busybox") == {}


def test_progress_is_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Byte counts are left out."""
    show_progress(
        [
            {"status": "Pulling fs layer", "id": "a", "progressDetail": {}},
            {"status": "Downloading", "id": "a", "progressDetail": {"current": 1, "total": 2}},
            {"stream": "Loaded image: x\n"},
        ]
    )
    assert capsys.readouterr().out == "a: Pulling fs layer\nLoaded image: x\n"


def test_an_error_in_the_stream_ends_the_command() -> None:
    """The status was 200 long before."""
    with pytest.raises(CommandFailed, match="manifest unknown"):
        show_progress([{"errorDetail": {"message": "manifest unknown"}, "error": "manifest unknown"}])


def test_a_broken_credentials_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CommandFailed, match=r"config\.json is not JSON"):
        auth_header("x")
