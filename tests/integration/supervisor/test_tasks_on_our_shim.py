"""Supervisor, shim and lowrt, ours all three: started warm by the zygote, and cold without it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervisor.runtime.programs import WHERRY, ShimPrograms
from tests import needs
from tests.integration.supervisor.conftest import BUSYBOX
from tests.supervisor_process import Supervisor, eventually

pytestmark = [needs.root, needs.overlay, needs.binary("ctr"), needs.binary("busybox"), needs.binary("runc")]

RUNTIME = ("--runtime", "io.containerd.wherry.v2")
Make = Callable[..., Supervisor]


def statuses(supervisor: Supervisor) -> dict[str, str]:
    lines = supervisor.ctr("task", "ls").stdout.splitlines()[1:]
    return {words[0]: words[2] for words in (line.split() for line in lines)}


def start(supervisor: Supervisor, name: str, *command: str) -> None:
    supervisor.ctr("run", "-d", *RUNTIME, BUSYBOX, name, *command)


def end(supervisor: Supervisor, name: str) -> None:
    supervisor.ctr("task", "kill", "-s", "KILL", name, check=False)
    eventually(lambda: statuses(supervisor).get(name) in ("STOPPED", None))
    supervisor.ctr("task", "delete", name, check=False)
    supervisor.ctr("containers", "rm", name, check=False)


def zygote_of(supervisor: Supervisor) -> int | None:
    """The warm parent, a child of the supervisor."""
    children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()
    for pid in map(int, children):
        if b"zygote" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return None


def test_run_passes_output_and_exit_code_on(supervisor: Supervisor) -> None:
    assert supervisor.ctr("run", "--rm", *RUNTIME, BUSYBOX, "hello", "echo", "hello").stdout == "hello\n"
    assert supervisor.ctr("run", "--rm", *RUNTIME, BUSYBOX, "seven", "sh", "-c", "exit 7", check=False).returncode == 7
    assert supervisor.bundles() == []
    assert supervisor.mounts() == []


def test_a_program_that_is_not_there_is_refused_and_leaves_nothing(supervisor: Supervisor) -> None:
    done = supervisor.ctr("run", "--rm", *RUNTIME, BUSYBOX, "nothere", "nope", check=False)
    assert done.returncode == 1
    assert 'exec: "nope": executable file not found in $PATH' in done.stderr
    assert supervisor.bundles() == []
    assert supervisor.mounts() == []


def test_a_task_does_all_that_ctr_asks(supervisor: Supervisor) -> None:
    start(supervisor, "does", "sleep", "1000")
    assert supervisor.ctr("task", "exec", "--exec-id", "e1", "does", "echo", "beside").stdout == "beside\n"
    assert supervisor.ctr("task", "exec", "--exec-id", "e2", "does", "sh", "-c", "exit 9", check=False).returncode == 9
    assert len(supervisor.ctr("task", "ps", "does").stdout.splitlines()) == 2
    assert "memory" in supervisor.ctr("task", "metrics", "does").stdout
    supervisor.ctr("task", "pause", "does")
    assert statuses(supervisor)["does"] == "PAUSED"
    supervisor.ctr("task", "resume", "does")
    supervisor.ctr("task", "kill", "-s", "KILL", "does")
    eventually(lambda: statuses(supervisor)["does"] == "STOPPED")
    assert "exit with non-zero exit code 137" in supervisor.ctr("task", "delete", "does").stderr
    supervisor.ctr("containers", "rm", "does")
    assert supervisor.bundles() == []


@pytest.fixture
def disguised(tmp_path_factory: pytest.TempPathFactory, busybox_tar: Path) -> Iterator[Supervisor]:
    """A supervisor that finds our shim under the name of containerd's: ctr gives runc's options to that one only."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "containerd-shim-runc-v2").symlink_to(ShimPrograms().resolve(WHERRY))
    environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
    with Supervisor(tmp_path_factory.mktemp("d"), environment=environment) as started:
        started.ctr("images", "import", str(busybox_tar))
        yield started


def test_binary_name_chooses_another_runtime(disguised: Supervisor) -> None:
    done = disguised.ctr("run", "--rm", "--runc-binary", "runc", BUSYBOX, "by-runc", "echo", "runc")
    assert done.stdout == "runc\n"
    missing = disguised.ctr("run", "--rm", "--runc-binary", "/nowhere/runc", BUSYBOX, "by-none", "true", check=False)
    assert "/nowhere/runc" in missing.stderr
    assert disguised.bundles() == []


def test_tasks_survive_the_supervisor_and_its_zygote(own_supervisor: Make) -> None:
    supervisor = own_supervisor()
    start(supervisor, "lives", "sleep", "1000")
    start(supervisor, "ends", "sh", "-c", "sleep 1; exit 42")
    supervisor.kill()
    time.sleep(1.3)  # "ends" ends while nobody looks
    supervisor.start()
    assert statuses(supervisor) == {"lives": "RUNNING", "ends": "STOPPED"}
    assert supervisor.ctr("task", "exec", "--exec-id", "x", "lives", "echo", "alive").stdout == "alive\n"
    assert "exit with non-zero exit code 42" in supervisor.ctr("task", "delete", "ends").stderr
    end(supervisor, "lives")
    supervisor.ctr("containers", "rm", "ends")


def test_a_killed_zygote_takes_no_task_with_it_and_is_replaced(own_supervisor: Make) -> None:
    supervisor = own_supervisor()
    start(supervisor, "before", "sleep", "1000")
    first = zygote_of(supervisor)
    assert first is not None, supervisor.tail()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: zygote_of(supervisor) not in (first, None))
    assert statuses(supervisor) == {"before": "RUNNING"}
    start(supervisor, "after", "sleep", "1000")
    assert statuses(supervisor) == {"before": "RUNNING", "after": "RUNNING"}
    assert supervisor.ctr("task", "exec", "--exec-id", "x", "before", "echo", "alive").stdout == "alive\n"
    end(supervisor, "before")
    end(supervisor, "after")


def test_a_dead_shims_task_is_told_of_with_the_code_it_really_had(own_supervisor: Make) -> None:
    supervisor = own_supervisor()
    start(supervisor, "orphan", "sh", "-c", "sleep 0.5; exit 5")
    (shim,) = supervisor.shim_pids()
    supervisor.kill()
    time.sleep(1)  # the exit is on the shim's disk; nobody has been told
    os.kill(shim, signal.SIGKILL)
    supervisor.start()
    eventually(lambda: statuses(supervisor) == {})
    assert "id=orphan exit_status=5" in supervisor.log.read_text()
    assert supervisor.bundles() == []
    assert supervisor.mounts() == []
    supervisor.ctr("containers", "rm", "orphan")
