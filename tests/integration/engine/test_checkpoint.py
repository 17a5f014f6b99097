"""docker checkpoint and docker start --checkpoint, by stock clients, on our layers and on runc below our shim."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.contract.checkpoint import wait_until
from tests.criu_program import path_with_criu
from tests.engine_process import Engine

pytestmark = [needs.root, needs.overlay, needs.binary("busybox"), needs.binary("docker")]

# The word is only in the shell's memory; a signal makes it say it.
KEEPER = "word=$(cat /proc/sys/kernel/random/uuid); trap 'echo word $word' USR1; echo word $word; sleep 100000 & "
KEEPER += "while :; do wait; done"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = path_with_criu()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        netns = f"wherry-cp-{os.getpid()}"
        with Engine(tmp_path_factory.mktemp("e"), "--experimental", bridge="wherrycp0", netns=netns) as started:
            yield started


@pytest.fixture(params=["wherry", "runc"])
def runtime(request: pytest.FixtureRequest, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> str:
    del engine
    monkeypatch.setenv("PATH", path_with_criu())
    name: str = request.param
    if name == "runc" and shutil.which("runc") is None:
        pytest.skip("needs runc in PATH")
    return name


def words(engine: Engine, name: str) -> list[str]:
    """What the container has said; the same word each time, if its memory is the same."""
    return engine.out("logs", name).split()[1::2]


def test_a_container_is_stopped_and_goes_on_later(engine: Engine, runtime: str) -> None:
    name = f"later-{runtime}"
    engine.docker("run", "-d", "--name", name, "--runtime", runtime, "--network", "none", "busybox", "sh", "-c", KEEPER)
    wait_until(lambda: len(words(engine, name)) == 1, "the container says nothing")
    assert engine.out("checkpoint", "create", name, "first") == "first"
    engine.until("exited", "inspect", "-f", "{{.State.Status}}", name, timeout=30)
    assert engine.out("checkpoint", "ls", name).split()[-1] == "first"
    engine.docker("start", "--checkpoint", "first", name)
    assert engine.out("inspect", "-f", "{{.State.Status}}", name) == "running"
    pid = int(engine.out("inspect", "-f", "{{.State.Pid}}", name))
    assert Path(f"/proc/{pid}").exists()
    engine.docker("kill", "-s", "USR1", name)
    wait_until(lambda: len(words(engine, name)) == 2, "the restored container says nothing")
    first, second = words(engine, name)
    assert first == second
    assert engine.out("exec", name, "echo", "within") == "within"
    engine.docker("checkpoint", "create", "--leave-running", name, "second")
    assert engine.out("inspect", "-f", "{{.State.Status}}", name) == "running"
    engine.docker("checkpoint", "rm", name, "first")
    assert engine.out("checkpoint", "ls", name).split()[-1] == "second"
    engine.docker("rm", "-f", name)


def test_a_terminal_and_a_network_are_found_again(engine: Engine) -> None:
    engine.docker("run", "-d", "-t", "--name", "wired", "-p", "8123:80", "busybox", "sh", "-c", KEEPER)
    wait_until(lambda: len(words(engine, "wired")) == 1, "the container says nothing")
    engine.docker("checkpoint", "create", "wired", "first")
    engine.until("exited", "inspect", "-f", "{{.State.Status}}", "wired", timeout=30)
    engine.docker("start", "--checkpoint", "first", "wired")
    engine.docker("kill", "-s", "USR1", "wired")
    wait_until(lambda: len(words(engine, "wired")) == 2, "the restored container says nothing")
    first, second = words(engine, "wired")
    assert first == second
    address = engine.out("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "wired")
    assert address in engine.out("exec", "wired", "ip", "address", "show", "eth0")
    engine.docker("exec", "-d", "wired", "sh", "-c", "mkdir -p /www; echo served >/www/x; busybox httpd -p 80 -h /www")
    wait_until(
        lambda: (
            engine.inside("busybox", "wget", "-q", "-O-", "http://127.0.0.1:8123/x", check=False).stdout == "served\n"
        ),
        "the published port does not answer",
    )
    engine.docker("rm", "-f", "wired")


def test_what_cannot_be_is_refused_in_dockers_words(engine: Engine, runtime: str) -> None:
    name = f"refused-{runtime}"
    engine.docker("create", "--name", name, "--runtime", runtime, "--network", "none", "busybox", "sleep", "1000")
    for arguments, why in (
        (("checkpoint", "create", name, "x1"), "is not running"),
        (("checkpoint", "create", name, ".x"), "invalid checkpoint ID"),
        (("checkpoint", "rm", name, "none"), "checkpoint none does not exist for container"),
        (("start", "--checkpoint", "none", name), "checkpoint none does not exist for container"),
        (("start", "--checkpoint", "x1", "--checkpoint-dir", "/tmp", name), "custom checkpointdir is not supported"),
    ):
        done = engine.docker(*arguments, check=False)
        assert done.returncode != 0
        assert why in done.stderr, arguments
    engine.docker("rm", "-f", name)


def test_a_checkpoint_may_lie_anywhere(engine: Engine, tmp_path: Path) -> None:
    engine.docker("run", "-d", "--name", "anywhere", "--network", "none", "busybox", "sleep", "1000")
    there = ("--checkpoint-dir", str(tmp_path))
    engine.docker("checkpoint", "create", *there, "--leave-running", "anywhere", "mine")
    assert (tmp_path / "mine" / "inventory.img").exists()
    again = engine.docker("checkpoint", "create", *there, "anywhere", "mine", check=False)
    assert "checkpoint with name mine already exists for container" in again.stderr
    assert engine.out("checkpoint", "ls", *there, "anywhere").split()[-1] == "mine"
    engine.docker("checkpoint", "rm", *there, "anywhere", "mine")
    assert list(tmp_path.iterdir()) == []
    engine.docker("rm", "-f", "anywhere")
