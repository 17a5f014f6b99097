"""SIGKILL of supervisor, shim and zygote while containers run: they go on, and nothing about them is lost."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import needs
from tests.integration.supervisor.conftest import BUSYBOX
from tests.supervisor_process import PROGRAM, ROOT, Supervisor, eventually

pytestmark = [
    needs.root,
    needs.overlay,
    needs.binary("ctr"),
    needs.binary("runc"),
    needs.binary("containerd-shim-runc-v2"),
    needs.binary("busybox"),
]

Make = Callable[..., Supervisor]


def start(supervisor: Supervisor, name: str, *command: str) -> None:
    supervisor.ctr("run", "-d", BUSYBOX, name, *command)


def shim_of(supervisor: Supervisor, name: str) -> int:
    for pid in supervisor.shim_pids():
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        if words[words.index("-id") + 1] == name:
            return pid
    raise AssertionError(f"no shim of {name}")


def statuses(supervisor: Supervisor) -> dict[str, str]:
    lines = supervisor.ctr("task", "ls").stdout.splitlines()[1:]
    return {words[0]: words[2] for words in (line.split() for line in lines)}


def init_of(supervisor: Supervisor, name: str) -> int:
    return int(supervisor.ctr("task", "ps", name).stdout.splitlines()[1].split()[0])


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie that the machine's init has not collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_containers_survive_the_supervisor(own_supervisor: Make) -> None:
    supervisor = own_supervisor()
    start(supervisor, "lives", "sleep", "1000")
    start(supervisor, "ends", "sh", "-c", "sleep 1; exit 42")
    start(supervisor, "shimless", "sleep", "1000")
    pid = init_of(supervisor, "lives")
    supervisor.kill()
    os.kill(shim_of(supervisor, "shimless"), signal.SIGKILL)
    time.sleep(1.5)  # "ends" ends while nobody looks
    supervisor.start()
    assert statuses(supervisor) == {"lives": "RUNNING", "ends": "STOPPED"}
    assert init_of(supervisor, "lives") == pid
    assert supervisor.ctr("task", "exec", "--exec-id", "x", "lives", "echo", "alive").stdout == "alive\n"
    assert "exit with non-zero exit code 42" in supervisor.ctr("task", "delete", "ends").stderr
    assert not any(path.name == "shimless" for path in supervisor.bundles())
    assert not any("shimless" in point for point in supervisor.mounts())
    for name in ("ends", "shimless"):
        supervisor.ctr("containers", "rm", name)


def test_a_stop_leaves_the_tasks_running(own_supervisor: Make) -> None:
    supervisor = own_supervisor()
    start(supervisor, "lives", "sleep", "1000")
    pid = init_of(supervisor, "lives")
    assert supervisor.stop() == 0
    assert alive(pid)
    assert not Path(supervisor.address).exists()
    supervisor.start()
    assert statuses(supervisor) == {"lives": "RUNNING"}


def test_the_death_of_a_shim_is_told_and_cleaned_up(own_supervisor: Make, tmp_path: Path) -> None:
    supervisor = own_supervisor()
    start(supervisor, "orphan", "sleep", "1000")
    pid = init_of(supervisor, "orphan")
    waiting = subprocess.Popen(supervisor.command("task", "attach", "orphan"), stderr=subprocess.DEVNULL)
    with open(tmp_path / "events", "wb") as file:
        listener = subprocess.Popen(supervisor.command("events"), stdout=file)
        time.sleep(0.5)  # ctr does not say when it listens
        os.kill(shim_of(supervisor, "orphan"), signal.SIGKILL)
        eventually(lambda: b"/tasks/delete" in (tmp_path / "events").read_bytes())
        listener.terminate()
        listener.wait()
    told = (tmp_path / "events").read_text()
    assert '"exit_status":137' in told[told.index("/tasks/exit") :]
    assert waiting.wait(timeout=30) == 137
    eventually(lambda: not alive(pid))
    assert statuses(supervisor) == {}
    assert supervisor.bundles() == []
    supervisor.ctr("containers", "rm", "orphan")


@pytest.mark.parametrize("runtime", ["io.containerd.runc.v2", "io.containerd.wherry.v2"])
def test_a_supervisor_killed_during_creates_leaves_nothing_half_made(own_supervisor: Make, runtime: str) -> None:
    supervisor = own_supervisor()
    run = ("run", "-d", "--runtime", runtime, BUSYBOX)
    for round_ in range(3):
        commands = [supervisor.command(*run, f"cut-{round_}-{n}", "sleep", "1000") for n in range(4)]
        running = [
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands
        ]
        time.sleep(0.06 * (round_ + 1))
        supervisor.kill()
        for process in running:
            process.kill()
            process.wait()
        supervisor.start()
        known = set(statuses(supervisor))
        eventually(
            lambda known=known: {path.name for path in supervisor.bundles()} == known,
            what=f"bundles {supervisor.bundles()} are the tasks {known}",
        )
        eventually(
            lambda known=known: len(supervisor.shim_pids()) == len(known),
            what=f"a shim per task, tasks {known}",
        )


def test_a_second_supervisor_on_the_same_root_is_refused(own_supervisor: Make, tmp_path: Path) -> None:
    supervisor = own_supervisor()
    done = subprocess.run(
        [*PROGRAM, "--root", str(supervisor.root), "--state", str(tmp_path), "-a", str(tmp_path / "s")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert f"another daemon (pid {supervisor.pid}) uses {supervisor.root}" in done.stderr
