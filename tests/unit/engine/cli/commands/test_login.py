"""`wherry login` and `logout`."""

import json
from pathlib import Path

import pytest

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_credentials_are_checked_kept_privately_and_forgotten(
    engine: FakeEngine, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In docker's own file."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    engine.answers["POST /auth"] = (200, {"Status": "Login Succeeded"})
    assert run("login", "-u", "me", "--password-stdin", "r.example", stdin="secret\n").output == "Login Succeeded\n"
    assert engine.sent("POST", "/auth").json()["password"] == "secret"
    file = tmp_path / "docker" / "config.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(json.loads(file.read_text())["auths"]) == ["r.example"]
    assert run("logout", "r.example").exit_code == 0
    assert json.loads(file.read_text())["auths"] == {}
    assert "Not logged in" in run("logout", "r.example").stderr


def test_a_refused_password_is_not_kept(
    engine: FakeEngine, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    engine.answers["POST /auth"] = (401, {"message": "unauthorized: incorrect username or password"})
    result = run("login", "-u", "me", "-p", "x")
    assert result.exit_code == 1
    assert "unauthorized" in result.stderr
    assert not (tmp_path / "docker").exists()
