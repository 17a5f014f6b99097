"""ctr on the supervisor, with containerd's own shim: what issue's swap table promises, command by command."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.integration.supervisor.conftest import BUSYBOX
from tests.supervisor_process import Supervisor, cgroups_are_all_mounted, eventually

pytestmark = [
    needs.root,
    needs.overlay,
    needs.binary("ctr"),
    needs.binary("runc"),
    needs.binary("containerd-shim-runc-v2"),
    needs.binary("busybox"),
]


def run(supervisor: Supervisor, name: str, *command: str, flags: tuple[str, ...] = ("--rm",), **how: object) -> str:
    done = supervisor.ctr("run", *flags, BUSYBOX, name, *command, **how)  # type: ignore[arg-type]
    return done.stdout


@pytest.fixture
def sleeper(supervisor: Supervisor, request: pytest.FixtureRequest) -> Iterator[str]:
    """A container that runs until the test is over."""
    name = "sleep-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:50].strip("-")
    run(supervisor, name, "sleep", "1000", flags=("-d",))
    yield name
    supervisor.ctr("task", "kill", "-s", "KILL", name, check=False)
    eventually(lambda: status(supervisor, name) in ("STOPPED", None))
    supervisor.ctr("task", "delete", name, check=False)
    supervisor.ctr("containers", "rm", name, check=False)


def status(supervisor: Supervisor, name: str) -> str | None:
    for line in supervisor.ctr("task", "ls").stdout.splitlines()[1:]:
        words = line.split()
        if words[0] == name:
            return words[2]
    return None


def test_run_shows_what_the_program_says(supervisor: Supervisor) -> None:
    assert run(supervisor, "hello", "echo", "hello") == "hello\n"


def test_run_passes_the_exit_code_on_and_leaves_nothing(supervisor: Supervisor) -> None:
    done = supervisor.ctr("run", "--rm", BUSYBOX, "seven", "sh", "-c", "exit 7", check=False)
    assert done.returncode == 7
    assert "seven" not in supervisor.ctr("containers", "ls", "-q").stdout
    assert [path.name for path in supervisor.bundles() if path.name == "seven"] == []


def test_a_program_that_is_not_there_is_refused_and_leaves_nothing(supervisor: Supervisor) -> None:
    done = supervisor.ctr("run", "--rm", BUSYBOX, "nothere", "nope", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "ctr: failed to create shim task: OCI runtime create failed: runc create failed: "
        'unable to start container process: exec: "nope": executable file not found in $PATH: unknown'
    )
    assert "nothere" not in supervisor.ctr("containers", "ls", "-q").stdout
    assert not any(path.name == "nothere" for path in supervisor.bundles())
    assert not any("nothere" in point for point in supervisor.mounts())


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        (
            "io.containerd.nope.v1",
            'failed to resolve runtime path: runtime "io.containerd.nope.v1" binary not installed '
            '"containerd-shim-nope-v1": file does not exist',
        ),
        ("io.containerd.runc.v1", "is not supported any more, use io.containerd.runc.v2"),
    ],
)
def test_a_runtime_that_is_not_there_is_refused(supervisor: Supervisor, runtime: str, words: str) -> None:
    done = supervisor.ctr("run", "--rm", "--runtime", runtime, BUSYBOX, "norun", "true", check=False)
    assert done.returncode == 1
    assert words in done.stderr


def test_exec_runs_beside_the_first_process(supervisor: Supervisor, sleeper: str) -> None:
    assert supervisor.ctr("task", "exec", "--exec-id", "e1", sleeper, "echo", "beside").stdout == "beside\n"
    failed = supervisor.ctr("task", "exec", "--exec-id", "e2", sleeper, "sh", "-c", "exit 9", check=False)
    assert failed.returncode == 9
    missing = supervisor.ctr("task", "exec", "--exec-id", "e3", sleeper, "nope", check=False)
    assert 'exec: "nope": executable file not found in $PATH' in missing.stderr


def test_ls_and_ps_show_the_task(supervisor: Supervisor, sleeper: str) -> None:
    assert status(supervisor, sleeper) == "RUNNING"
    pids = supervisor.ctr("task", "ps", sleeper).stdout.splitlines()[1:]
    assert len(pids) == 1
    assert Path(f"/proc/{pids[0].split()[0]}/cmdline").read_text().startswith("sleep")


def test_pause_and_resume(supervisor: Supervisor, sleeper: str) -> None:
    supervisor.ctr("task", "pause", sleeper)
    assert status(supervisor, sleeper) == "PAUSED"
    supervisor.ctr("task", "resume", sleeper)
    assert status(supervisor, sleeper) == "RUNNING"


@pytest.mark.skipif(not cgroups_are_all_mounted(), reason="needs every cgroup hierarchy mounted, for runc's shim")
def test_metrics_are_those_of_the_cgroup(supervisor: Supervisor, sleeper: str) -> None:
    shown = supervisor.ctr("task", "metrics", sleeper).stdout
    assert sleeper in shown
    assert re.search(r"^memory\.usage\w*\s+[1-9]\d+", shown, re.MULTILINE)


def test_kill_and_delete_tell_the_signal(supervisor: Supervisor, sleeper: str) -> None:
    refused = supervisor.ctr("task", "delete", sleeper, check=False)
    assert "task must be stopped before deletion: running: failed precondition" in refused.stderr
    supervisor.ctr("task", "kill", "-s", "KILL", sleeper)
    eventually(lambda: status(supervisor, sleeper) == "STOPPED")
    assert "process already finished: not found" in supervisor.ctr("task", "kill", sleeper, check=False).stderr
    deleted = supervisor.ctr("task", "delete", sleeper)
    assert "exit with non-zero exit code 137" in deleted.stderr
    again = supervisor.ctr("task", "delete", sleeper, check=False)
    assert "not found" in again.stderr


def test_a_task_of_no_container_is_not_found(supervisor: Supervisor) -> None:
    done = supervisor.ctr("task", "kill", "nobody", check=False)
    assert 'container "nobody" in namespace "default": not found' in done.stderr


def test_a_container_without_a_task_has_none(supervisor: Supervisor) -> None:
    supervisor.ctr("containers", "create", BUSYBOX, "idle", "true")
    done = supervisor.ctr("task", "kill", "idle", check=False)
    assert "task idle not found: not found" in done.stderr or "no running task found" in done.stderr
    supervisor.ctr("containers", "rm", "idle")


def test_a_second_task_of_a_container_is_refused(supervisor: Supervisor, sleeper: str) -> None:
    done = supervisor.ctr("task", "start", "-d", sleeper, check=False)
    assert f"task {sleeper}: already exists" in done.stderr


def test_stdin_reaches_the_program_and_ends(supervisor: Supervisor) -> None:
    running = subprocess.Popen(
        supervisor.command("run", "--rm", BUSYBOX, "stdin", "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    eventually(lambda: status(supervisor, "stdin") == "RUNNING")  # ctr loses an end that comes before the task
    assert running.communicate(b"through\n", timeout=20)[0] == b"through\n"
    assert running.returncode == 0


def test_a_terminal_has_its_size_and_follows_resizing(supervisor: Supervisor) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        command = supervisor.command("run", "--rm", "-t", BUSYBOX, "tty", "sh")
        os.execvp(command[0], command)
    shown = _read_until(terminal, b"# ")
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    os.write(terminal, b"until stty size | grep 77; do sleep 0.1; done 2>/dev/null; tty; exit 5\n")
    while b"33 77\r" not in shown:
        os.kill(pid, signal.SIGWINCH)  # again and again: ctr may not be listening yet
        shown += _read_until(terminal, b"\n", 0.2)
    shown += _read_until(terminal, None)
    _, code = os.waitpid(pid, 0)
    os.close(terminal)
    assert b"/dev/pts/0" in shown
    assert os.waitstatus_to_exitcode(code) == 5


def _read_until(terminal: int, mark: bytes | None, timeout: float = 20) -> bytes:
    shown = b""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and (mark is None or mark not in shown):
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:  # EIO: the other side is closed
            break
        if not data:
            break
        shown += data
    return shown


def test_events_come_in_order(supervisor: Supervisor, tmp_path: Path) -> None:
    with open(tmp_path / "events", "wb") as file:
        listener = subprocess.Popen(supervisor.command("events", 'topic~="^/tasks/"'), stdout=file)
        time.sleep(0.5)  # ctr does not say when it listens
        run(supervisor, "told", "sh", "-c", "exit 3", check=False)
        eventually(lambda: b"/tasks/delete" in (tmp_path / "events").read_bytes())
        listener.terminate()
        listener.wait()
    lines = [line.split(" ", 6) for line in (tmp_path / "events").read_text().splitlines() if '"told"' in line]
    assert [line[5] for line in lines] == ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]
    assert json.loads(lines[2][6])["exit_status"] == 3


def test_namespaces_do_not_see_each_other(supervisor: Supervisor, sleeper: str) -> None:
    assert sleeper not in supervisor.ctr("task", "ls", namespace="elsewhere").stdout
    done = supervisor.ctr("task", "kill", sleeper, check=False, namespace="elsewhere")
    assert f'container "{sleeper}" in namespace "elsewhere": not found' in done.stderr


def test_many_containers_at_once(supervisor: Supervisor) -> None:
    commands = [supervisor.command("run", "--rm", BUSYBOX, f"many-{n}", "echo", str(n)) for n in range(12)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    shown = [process.communicate(timeout=60)[0].strip() for process in running]
    assert shown == [str(n) for n in range(12)]
    assert not any(path.name.startswith("many-") for path in supervisor.bundles())


PEERS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin"


@pytest.mark.skipif(not (PEERS / "ctr").exists(), reason="needs the peers")
def test_the_newest_ctr_and_the_newest_shim_work_too(supervisor: Supervisor) -> None:
    newest = str(PEERS / "ctr")
    flags = ("--rm", "--runtime", str(PEERS / "containerd-shim-runc-v2"))
    assert run(supervisor, "newest", "echo", "new", flags=flags, program=newest) == "new\n"
    run(supervisor, "newest-d", "sleep", "1000", flags=("-d", *flags[1:]), program=newest)
    done = supervisor.ctr("task", "exec", "--exec-id", "e1", "newest-d", "echo", "beside", program=newest)
    assert done.stdout == "beside\n"
    supervisor.ctr("task", "rm", "-f", "newest-d", program=newest, check=False)
    eventually(lambda: status(supervisor, "newest-d") is None)
    supervisor.ctr("containers", "rm", "newest-d", program=newest)
