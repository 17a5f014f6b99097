"""AppArmor's default profile: loaded once, by a program that may be missing or fail."""

import shutil
import subprocess
from pathlib import Path

import pytest

from engine.security import apparmor_profile
from tests import needs


@pytest.fixture
def parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apparmor_parser that keeps what it is given."""
    program = tmp_path / "bin" / "apparmor_parser"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\necho "$@" > {tmp_path}/asked; cat > {tmp_path}/profile\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return tmp_path


def test_it_is_loaded_where_nobody_has(parser: Path) -> None:
    (parser / "profiles").write_text("unconfined-thing (enforce)\ndocker-default-2 (enforce)\n")
    apparmor_profile.ensure(enabled=True, profiles=str(parser / "profiles"))
    assert (parser / "asked").read_text() == "--skip-cache --replace\n"
    assert (parser / "profile").read_text() == apparmor_profile.text()


@pytest.mark.parametrize(("enabled", "loaded"), [(False, ""), (True, "docker-default (enforce)\n")])
def test_a_kernel_without_apparmor_and_a_profile_of_somebody_else_are_left_alone(
    parser: Path, enabled: bool, loaded: str
) -> None:
    (parser / "profiles").write_text(loaded)
    apparmor_profile.ensure(enabled=enabled, profiles=str(parser / "profiles"))
    assert not (parser / "asked").exists()


def test_a_program_that_fails_is_said_and_no_more(parser: Path, caplog: pytest.LogCaptureFixture) -> None:
    (parser / "bin" / "apparmor_parser").write_text("#!/bin/sh\necho no such thing >&2; exit 1\n")
    apparmor_profile.ensure(enabled=True, profiles=str(parser / "none"))
    assert "loading the AppArmor profile docker-default: no such thing" in caplog.text


def test_who_may_signal_a_container_is_named_once() -> None:
    text = apparmor_profile.text(daemon="wherryd")
    peers = [line.split('"')[1] for line in text.splitlines() if "signal (receive)" in line]
    assert peers == ["unconfined", "wherryd", "runc", "crun"]
    assert text.startswith('@{PROC}=/proc/\nprofile "docker-default" flags=(attach_disconnected,mediate_deleted) {\n')


@needs.binary("apparmor_parser")
def test_the_language_is_apparmors(tmp_path: Path) -> None:
    """Compiled for a kernel that has everything, loaded nowhere."""
    program = shutil.which("apparmor_parser")
    assert program is not None
    command = [program, "--skip-kernel-load", "--skip-cache", "--stdout"]
    done = subprocess.run(command, input=apparmor_profile.text().encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"docker-default" in done.stdout
