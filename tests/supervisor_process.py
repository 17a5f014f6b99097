"""A supervisor of its own for a test: private root, state and socket, real clients at its door, nothing left behind.

`with Supervisor(folder) as supervisor:` starts it; `supervisor.ctr("run", …)` runs Debian's ctr on it. At the end every
container is killed and deleted, the daemon stopped, and what shims or mounts are left is ended and reported.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from tests.warm_supervisor import Forked, Nursery

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, "-m", "supervisor"]
STARTED_WITHIN = 20.0
LEAVE_WITHIN = 5.0


class Supervisor:
    """One daemon, restarted at will on the same folders."""

    def __init__(
        self, folder: Path, *flags: str, environment: Mapping[str, str] | None = None, warm: bool = False
    ) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.state = folder / "state"
        self.address = str(folder / "s.sock")
        self.log = folder / "log"
        self._flags = flags
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
        self._nursery = Nursery(self._environment) if warm else None
        self._process: subprocess.Popen[bytes] | Forked | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it says READY=1."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            notify = self.folder / "notify"
            notify.unlink(missing_ok=True)
            ready.bind(str(notify))
            ready.settimeout(STARTED_WITHIN)
            self._process = self._spawn({"NOTIFY_SOCKET": str(notify)})
            try:
                message = ready.recv(100)
            except TimeoutError:
                raise AssertionError(f"the supervisor did not start:\n{self.log.read_text()}") from None
            assert message == b"READY=1", message

    def _spawn(self, environment: dict[str, str]) -> "subprocess.Popen[bytes] | Forked":
        words = ["--root", str(self.root), "--state", str(self.state), "-a", self.address, *self._flags]
        if self._nursery is not None:
            return self._nursery.start(words, environment, self.folder, self.log)
        with open(self.log, "ab") as log:
            return subprocess.Popen(
                [*PROGRAM, *words],
                env={**self._environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=20)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=20)

    def command(self, *words: str, program: str = "ctr", namespace: str = "default") -> list[str]:
        """The argv of a ctr command on this daemon."""
        return [program, "-a", self.address, "-n", namespace, *words]

    def ctr(
        self, *words: str, check: bool = True, timeout: float = 60, namespace: str = "default", program: str = "ctr"
    ) -> subprocess.CompletedProcess[str]:
        """Run ctr; a failure shows its words and the daemon's log."""
        done = subprocess.run(
            self.command(*words, namespace=namespace, program=program),
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"ctr {' '.join(words)}: {done.returncode}\n{done.stderr}{done.stdout}\n{self.tail()}")
        return done

    def tail(self, lines: int = 40) -> str:
        """The end of the daemon's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def bundles(self) -> list[Path]:
        """Every bundle on disk."""
        return sorted((self.state / "io.containerd.runtime.v2.task").glob("*/*"))

    def shim_pids(self) -> list[int]:
        """Every shim that was started for this daemon. A container's init, forked from a warm shim, is none."""
        return [
            pid
            for pid, name, words in _processes()
            if self.address in words and "-namespace" in words and name.startswith("containerd-shim")
        ]

    def mounts(self) -> list[str]:
        """Mount points inside the daemon's folders."""
        points = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
        return [point for point in points if point.startswith(f"{self.folder}/")]

    def __enter__(self) -> "Supervisor":
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self._clear()
        finally:
            left = self._end_leftovers()
            if self._nursery is not None:
                self._nursery.close()
        if kind is None:
            assert not left, f"left behind: {left}\n{self.tail()}"

    def _clear(self) -> None:
        assert self._process is not None
        if self._process.poll() is not None:
            self.start()
        for namespace in self.ctr("namespaces", "ls", "-q", check=False).stdout.split():
            for container in self.ctr("task", "ls", "-q", check=False, namespace=namespace).stdout.split():
                self.ctr("task", "kill", "-s", "KILL", container, check=False, namespace=namespace)
                self.ctr("task", "delete", "-f", container, check=False, namespace=namespace)
        assert self.stop() == 0, self.tail()

    def _end_leftovers(self) -> list[str]:
        """What a test must not leave; ended here, and named."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        deadline = time.monotonic() + LEAVE_WITHIN
        while self.shim_pids() and time.monotonic() < deadline:
            time.sleep(0.05)  # a shim leaves after it has said that it will
        left = [f"bundle {path}" for path in self.bundles()]
        for pid in self.shim_pids():
            left.append(f"shim {pid}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for point in reversed(self.mounts()):
            left.append(f"mount {point}")
            subprocess.run(["umount", "-l", point], check=False)
        return left


def _processes() -> Iterator[tuple[int, str, list[str]]]:
    """Pid, name and argv of everything that runs."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                yield int(entry.name), (entry / "comm").read_text().strip(), words


def cgroups_are_all_mounted() -> bool:
    """Whether every v1 hierarchy of /proc/self/cgroup is mounted: containerd's shim gives no metrics otherwise."""
    names = (line.split(":")[1] for line in Path("/proc/self/cgroup").read_text().splitlines())
    return all(Path("/sys/fs/cgroup", name).exists() for name in names if name and "=" not in name)


def eventually(condition: object, timeout: float = 10.0, what: str = "") -> None:
    """Wait until `condition()` is true; for what tells nobody when it happens."""
    assert callable(condition)
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what or condition}"
        time.sleep(0.05)
