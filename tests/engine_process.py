"""An engine of its own for a test: private folders and socket, its own supervisor below, nothing left behind.

`with Engine(folder) as engine:` starts it with a busybox image loaded; `engine.docker("run", …)` runs a stock
docker CLI on it. With `netns="name"` it lives in a network namespace of its own, whose bridges, rules and ports go with
it; `engine.inside(…)` runs a program there.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from tests.images import busybox_archive

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, "-m", "engine"]
STARTED_WITHIN = 30.0


class Engine:
    """One wherryd, restarted at will on the same folders."""

    def __init__(
        self, folder: Path, *flags: str, client: str = "docker", bridge: str = "none", netns: str = ""
    ) -> None:
        self.folder = folder
        self.socket = folder / "docker.sock"
        self.log = folder / "wherryd.log"
        self.client = client
        self.netns = netns
        self._flags = ("--bridge", bridge, *flags)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    @property
    def supervisor_pid(self) -> int | None:
        """None where the test brought one of its own."""
        path = self.folder / "exec" / "supervisor" / "supervisor.pid"
        return int(path.read_text()) if path.exists() else None

    def start(self) -> None:
        """Start, and wait until it says READY=1."""
        notify = self.folder / "notify"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, self.log.open("ab") as log:
            ready.bind(str(notify))
            ready.settimeout(STARTED_WITHIN)
            self._process = subprocess.Popen(
                [
                    *self._entering(),
                    *PROGRAM,
                    *("-H", self.host, "--data-root", str(self.folder / "data")),
                    *("--exec-root", str(self.folder / "exec"), "-p", str(self.folder / "pid"), *self._flags),
                ],
                env={**os.environ, "PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": str(notify)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
            try:
                message = ready.recv(100)
            except TimeoutError:
                raise AssertionError(f"the engine did not start:\n{self.log.read_text()}") from None
            assert message == b"READY=1", message

    def _entering(self) -> list[str]:
        # nsenter, not `ip netns exec`: the latter mounts another /sys, without the cgroups
        return ["nsenter", f"--net=/run/netns/{self.netns}"] if self.netns else []

    def inside(self, *words: str, check: bool = True, timeout: float = 20) -> subprocess.CompletedProcess[str]:
        """Run a program where the engine's network is."""
        return subprocess.run([*self._entering(), *words], check=check, capture_output=True, text=True, timeout=timeout)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=20)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=30)

    def docker(
        self, *words: str, check: bool = True, timeout: float = 60, stdin: str | bytes | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the docker CLI; a failure shows its words and the daemon's log."""
        done = subprocess.run(
            [self.client, "-H", self.host, *words],
            capture_output=True,
            text=True,
            timeout=timeout,
            input=stdin if isinstance(stdin, str) else None,
            stdin=subprocess.DEVNULL if stdin is None else None,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"docker {' '.join(words)}: {done.returncode}\n{done.stderr}{done.stdout}\n{self.tail()}"
            )
        return done

    def out(self, *words: str, **more: float) -> str:
        """The output of a command that succeeds."""
        return self.docker(*words, **more).stdout.strip()  # type: ignore[arg-type]

    def until(self, wanted: str, *words: str, timeout: float = 10) -> None:
        """Ask again until the answer is the wanted one."""
        end = time.monotonic() + timeout
        while (found := self.out(*words)) != wanted:
            assert time.monotonic() < end, f"{' '.join(words)} says {found!r}, not {wanted!r}\n{self.tail()}"
            time.sleep(0.05)

    def tail(self, lines: int = 40) -> str:
        """The end of the daemon's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def mounts(self) -> list[str]:
        """Mount points inside the engine's folders."""
        points = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
        return [point for point in points if point.startswith(f"{self.folder}/")]

    def __enter__(self) -> "Engine":
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.netns:
            subprocess.run(["ip", "netns", "add", self.netns], check=True)
            self.inside("ip", "link", "set", "lo", "up")
        self.start()
        archive = self.folder / "busybox.tar"
        busybox_archive(archive)
        self.docker("load", "-i", str(archive))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            assert self._process is not None
            if self._process.poll() is not None:
                self.start()
            for name in self.out("ps", "-aq").split():
                self.docker("rm", "-f", "-v", name, check=False)
            supervisor = self.supervisor_pid
            self.stop()
            if supervisor is not None:
                _await_end(supervisor)
        finally:
            self._sweep()

    def _sweep(self) -> None:
        """Whatever a failed test left: the engine, shims of ours, mounts."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        for pid, words in _processes():
            if pid != os.getpid() and any(str(self.folder) in word for word in words):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for point in sorted(self.mounts(), reverse=True):
            subprocess.run(["umount", "-l", point], check=False, capture_output=True)
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        if self.netns:
            subprocess.run(["ip", "netns", "del", self.netns], check=False)


def _await_end(pid: int) -> None:
    end = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.05)


def _processes() -> list[tuple[int, list[str]]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                found.append((int(entry.name), words))
    return found
