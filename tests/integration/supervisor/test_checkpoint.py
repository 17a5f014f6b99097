"""Checkpoints through ctr, into images and into folders, and back, with our shim and with containerd's."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.criu_program import path_with_criu
from tests.integration.supervisor.conftest import BUSYBOX
from tests.supervisor_process import Supervisor, eventually

pytestmark = [needs.root, needs.overlay, needs.binary("busybox")]

# The word is only in the shell's memory; a signal makes it write it down.
KEEPER = 'word=$(cat /proc/sys/kernel/random/uuid); trap "echo $word >/said" USR1; echo $word >/first; sleep 100000 & '
KEEPER += "while :; do wait; done"


@pytest.fixture(scope="module")
def supervisor(tmp_path_factory: pytest.TempPathFactory, busybox_tar: Path) -> Iterator[Supervisor]:
    """One that finds criu, and ctr of the same age as its shims."""
    path = path_with_criu()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        if shutil.which("ctr") is None:
            pytest.skip("needs ctr in PATH")
        with Supervisor(tmp_path_factory.mktemp("s")) as started:
            started.ctr("images", "import", str(busybox_tar))
            yield started


@pytest.fixture(params=["io.containerd.wherry.v2", "io.containerd.runc.v2"])
def runtime(request: pytest.FixtureRequest, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> str:
    del supervisor
    monkeypatch.setenv("PATH", path_with_criu())
    name: str = request.param
    if name.endswith("runc.v2") and not (shutil.which("containerd-shim-runc-v2") and shutil.which("runc")):
        pytest.skip("needs containerd-shim-runc-v2 and runc in PATH")
    return name


def shell(supervisor: Supervisor, name: str, command: str) -> str:
    exec_id = f"e{os.urandom(4).hex()}"
    return supervisor.ctr("task", "exec", "--exec-id", exec_id, name, "sh", "-c", command, check=False).stdout


def begin(supervisor: Supervisor, runtime: str, name: str) -> str:
    """A container that keeps a word; the word."""
    supervisor.ctr("run", "-d", "--runtime", runtime, BUSYBOX, name, "sh", "-c", KEEPER)
    eventually(lambda: shell(supervisor, name, "cat /first") != "", 30)
    return shell(supervisor, name, "cat /first")


def say(supervisor: Supervisor, name: str) -> str:
    """The word that the container has in its memory."""
    supervisor.ctr("task", "kill", "-s", "USR1", name)
    eventually(lambda: shell(supervisor, name, "cat /said 2>/dev/null") != "", 30)
    return shell(supervisor, name, "cat /said")


def status(supervisor: Supervisor, name: str) -> str | None:
    for line in supervisor.ctr("task", "ls").stdout.splitlines()[1:]:
        if line.split()[0] == name:
            return line.split()[2]
    return None


def end(supervisor: Supervisor, name: str) -> None:
    supervisor.ctr("task", "kill", "-s", "KILL", name, check=False)
    eventually(lambda: status(supervisor, name) in ("STOPPED", None), 30)
    supervisor.ctr("task", "delete", name, check=False)
    supervisor.ctr("containers", "rm", name)


def test_a_container_goes_into_an_image_and_comes_back(supervisor: Supervisor, runtime: str) -> None:
    name, ref = f"c-{runtime.split('.')[2]}", f"test/checkpoint:{runtime.split('.')[2]}"
    word = begin(supervisor, runtime, name)
    supervisor.ctr("containers", "checkpoint", "--task", "--rw", "--image", name, ref)
    assert status(supervisor, name) == "RUNNING"
    assert ref in supervisor.ctr("images", "ls", "-q").stdout
    end(supervisor, name)
    supervisor.ctr("containers", "restore", "--live", "--rw", f"{name}-again", ref)
    assert status(supervisor, f"{name}-again") == "RUNNING"
    assert say(supervisor, f"{name}-again") == word
    end(supervisor, f"{name}-again")


def test_a_task_goes_into_a_folder_and_ends(supervisor: Supervisor, runtime: str, tmp_path: Path) -> None:
    name = f"f-{runtime.split('.')[2]}"
    begin(supervisor, runtime, name)
    folders = ("--image-path", str(tmp_path / "image"), "--work-path", str(tmp_path / "work"))
    supervisor.ctr("task", "checkpoint", "--exit", *folders, name)
    eventually(lambda: status(supervisor, name) == "STOPPED", 30)
    assert (tmp_path / "image" / "inventory.img").exists()
    assert (tmp_path / "work" / "dump.log").exists()
    end(supervisor, name)
