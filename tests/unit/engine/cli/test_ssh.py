"""ssh:// addresses."""

import os
from pathlib import Path

import pytest

from engine.cli import ssh
from engine.cli.errors import CommandFailed
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


@pytest.mark.parametrize(
    ("text", "destination"),
    [
        ("ssh://far", ssh.Destination("far")),
        ("ssh://me@far:2222", ssh.Destination("far", "me", 2222)),
        ("ssh://me@far/run/x.sock", ssh.Destination("far", "me", 0, "/run/x.sock")),
        ("ssh://far/", ssh.Destination("far")),
    ],
)
def test_addresses(text: str, destination: ssh.Destination) -> None:
    assert ssh.parse(text) == destination


@pytest.mark.parametrize(
    "text",
    ["ssh://", "ssh://-oProxyCommand=x", "ssh://-l@far", "ssh://me:secret@far", "ssh://far?x=1", "ssh://far:port"],
)
def test_what_ssh_could_take_for_something_else_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        ssh.parse(text)
    assert "secret" not in str(caught.value)


def test_the_command_line() -> None:
    words = ssh.Destination("far", "me", 22, "/run/a b.sock").words
    assert words[:9] == ["ssh", "-o", "ConnectTimeout=30", "-T", "-l", "me", "-p", "22", "--"]
    assert words[9] == "far"
    assert "exec wherry --host" in words[10]
    assert "system dial-stdio" in words[10]


@pytest.fixture
def fake_ssh(tmp_path: Path, served: tuple[FakeEngine, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `ssh` that runs the command here, and a `wherry` that dials the fake engine; the log of its arguments."""
    programs, log = tmp_path / "bin", tmp_path / "ssh.log"
    programs.mkdir()
    socket = served[1].removeprefix("unix://")
    dial = (
        "import os, socket, sys, threading\n"
        f"s = socket.socket(socket.AF_UNIX); s.connect({socket!r})\n"
        "def up():\n"
        "    while data := os.read(0, 65536): s.sendall(data)\n"
        "    s.shutdown(socket.SHUT_WR)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := s.recv(65536): os.write(1, data)\n"
        "s.close()\n"
    )
    (programs / "dial.py").write_text(dial)
    (programs / "wherry").write_text(f'#!/bin/sh\nexec /usr/bin/python3 {programs}/dial.py "$@"\n')
    (programs / "ssh").write_text(
        f'#!/bin/sh\necho "$@" >> {log}\nwhile [ "$1" != -- ]; do shift; done\nexec sh -c "$3"\n'
    )
    for name in ("wherry", "ssh"):
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return log


def test_a_command_goes_through_ssh(engine: FakeEngine, run: Run, fake_ssh: Path) -> None:
    engine.answers["GET /volumes"] = (
        200,
        {"Volumes": [{"Name": "v", "Driver": "local", "Mountpoint": "/m", "Scope": "local"}]},
    )
    result = run("-H", "ssh://me@far", "volume", "ls", "-q")
    assert (result.exit_code, result.stdout) == (0, "v\n")
    assert "-l me -- far" in fake_ssh.read_text()


def test_an_ssh_that_fails_is_an_engine_that_is_not_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ssh").write_text("#!/bin/sh\nexit 255\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run("-H", "ssh://far", "ps")
    assert result.exit_code == 1
    assert "Cannot connect to the wherry daemon at ssh://far" in result.stderr
    monkeypatch.setenv("PATH", "/nowhere")
    assert "cannot start ssh" in run("-H", "ssh://far", "ps").stderr
