"""Credentials, in docker's file and with helper programs."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli import credentials
from engine.cli.errors import CommandFailed

HELPER = """#!/bin/sh
# A keychain that is a folder of files.
cd "{folder}" || exit 1
case "$1" in
get) read -r server; file=$(echo "$server" | tr '/:' '__')
  if [ -f "$file" ]; then cat "$file"; else echo "credentials not found in native keychain"; exit 1; fi;;
store) read -r all; server=$(echo "$all" | sed 's/.*"ServerURL": "\\([^"]*\\)".*/\\1/')
  echo "$all" > "$(echo "$server" | tr '/:' '__')";;
erase) read -r server; rm -f "$(echo "$server" | tr '/:' '__')";;
list) echo '{{"list.example": "me"}}';;
*) echo "no such verb"; exit 1;;
esac
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """docker's folder, and a helper `test` in PATH."""
    programs, keychain = tmp_path / "bin", tmp_path / "keychain"
    programs.mkdir()
    keychain.mkdir()
    helper = programs / "docker-credential-test"
    helper.write_text(HELPER.format(folder=keychain))
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "docker" / "config.json"


def write(config: Path, document: dict[str, Any]) -> None:
    config.parent.mkdir(exist_ok=True)
    config.write_text(json.dumps(document))


def test_without_a_helper_they_are_in_the_file(config: Path) -> None:
    credentials.store("r.example", "me", "pass:word")
    assert config.stat().st_mode & 0o777 == 0o600
    assert credentials.stored("r.example") == {
        "username": "me",
        "password": "pass:word",
        "serveraddress": "r.example",
    }
    credentials.store("t.example", "me", "x", token="tok")
    assert credentials.stored("t.example") == {"identitytoken": "tok", "serveraddress": "t.example"}
    assert credentials.registries() == ["r.example", "t.example"]
    assert credentials.forget("r.example")
    assert not credentials.forget("r.example")
    assert credentials.stored("r.example") == {}


@pytest.mark.parametrize("named", [{"credsStore": "test"}, {"credHelpers": {"r.example": "test"}}])
def test_a_helper_keeps_them_out_of_the_file(config: Path, named: dict[str, Any]) -> None:
    write(config, named)
    assert credentials.stored("r.example") == {}
    credentials.store("r.example", "me", "secret-word")
    assert "secret-word" not in config.read_text()
    assert json.loads(config.read_text())["auths"] == {"r.example": {}}
    assert credentials.stored("r.example") == {
        "username": "me",
        "password": "secret-word",
        "serveraddress": "r.example",
    }
    assert credentials.forget("r.example")
    assert credentials.stored("r.example") == {}
    assert not credentials.forget("r.example")


def test_a_registrys_own_helper_goes_before_the_general_one(config: Path) -> None:
    """And one without a helper's answer does not fall back to the file, as with docker."""
    secret = base64.b64encode(b"me:x").decode()
    write(
        config,
        {"credsStore": "nowhere", "credHelpers": {"r.example": "test"}, "auths": {"r.example": {"auth": secret}}},
    )
    assert credentials.stored("r.example") == {}
    with pytest.raises(CommandFailed, match="docker-credential-nowhere get"):
        credentials.stored("other.example")


def test_a_helpers_token_is_an_identity_token(config: Path) -> None:
    write(config, {"credsStore": "test"})
    credentials.store("r.example", "me", "", token="tok")
    assert credentials.stored("r.example") == {"identitytoken": "tok", "serveraddress": "r.example"}


def test_a_builds_registries_are_the_files_and_the_helpers(config: Path) -> None:
    write(config, {"credsStore": "test", "credHelpers": {"h.example": "test"}, "auths": {"a.example": {}}})
    assert credentials.registries() == ["a.example", "h.example", "list.example"]


@pytest.mark.parametrize("body", ["exit 3", "echo not json", "echo locked; exit 1"])
def test_a_helper_that_fails_is_named(config: Path, body: str, tmp_path: Path) -> None:
    (tmp_path / "bin" / "docker-credential-bad").write_text(f"#!/bin/sh\n{body}\n")
    (tmp_path / "bin" / "docker-credential-bad").chmod(0o755)
    write(config, {"credsStore": "bad"})
    with pytest.raises(CommandFailed, match="error getting credentials"):
        credentials.stored("r.example")
