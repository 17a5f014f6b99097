"""The supervisor that the engine starts itself when no --containerd was given.

It outlives the engine: a later engine finds it by its pid file and socket and goes on with it. It ends with the
engine only when the engine ends in order and nothing runs.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys

from engine.paths import Paths
from engine.priority import as_everybody
from proto.errdefs import Unavailable

logger = logging.getLogger(__name__)

_PATIENCE = 20.0


def answers(path: str) -> bool:
    """Somebody listens there."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        return probe.connect_ex(path) == 0


def command(paths: Paths, log_level: str) -> list[str]:
    """What is run: the program beside our own, so that one installation never mixes with another."""
    program = os.path.join(os.path.dirname(sys.executable), "wherry-supervisor")
    start = [program] if os.path.exists(program) else [sys.executable, "-m", "supervisor"]
    return [
        *start,
        "--root",
        paths.supervisor_root,
        "--state",
        paths.supervisor_state,
        "--address",
        paths.supervisor_socket,
        "--log-level",
        log_level,
    ]


class ManagedSupervisor:
    """Starts or finds it, and ends it."""

    def __init__(self, paths: Paths, log_level: str) -> None:
        self._paths = paths
        self._log_level = log_level
        self._child: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it, unless one answers or is on its way."""
        if answers(self._paths.supervisor_socket) or (self._child is not None and self._child.poll() is None):
            return
        os.makedirs(self._paths.supervisor_state, mode=0o711, exist_ok=True)
        os.makedirs(self._paths.supervisor_root, mode=0o711, exist_ok=True)
        self._start()

    async def ensure(self) -> str:
        """Its address, once it listens."""
        self.begin()
        if self._child is not None:
            await self._listening()
        return self._paths.supervisor_socket

    def _start(self) -> None:
        with open(self._paths.supervisor_log, "ab") as log, as_everybody():
            self._child = subprocess.Popen(
                command(self._paths, self._log_level),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"NOTIFY_SOCKET": ""},
            )
        with open(f"{self._paths.supervisor_pidfile}.new", "w", encoding="ascii") as file:
            file.write(str(self._child.pid))
        os.replace(f"{self._paths.supervisor_pidfile}.new", self._paths.supervisor_pidfile)

    async def _listening(self) -> None:
        assert self._child is not None
        try:
            async with asyncio.timeout(_PATIENCE):
                while not answers(self._paths.supervisor_socket):
                    if self._child.poll() is not None:
                        break
                    await asyncio.sleep(0.02)  # a socket file has no event that says "listening"
                else:
                    return
        except TimeoutError:
            pass
        raise Unavailable(f"the supervisor did not start; see {self._paths.supervisor_log}: {self._last_words()}")

    def _last_words(self) -> str:
        with contextlib.suppress(OSError), open(self._paths.supervisor_log, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-3:]).strip()
        return ""

    def stop(self) -> None:
        """Ask it to end."""
        try:
            with open(self._paths.supervisor_pidfile, encoding="ascii") as file:
                pid = int(file.read())
            os.kill(pid, signal.SIGTERM)
        except (OSError, ValueError):
            return
        with contextlib.suppress(OSError):
            os.unlink(self._paths.supervisor_pidfile)
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(5)
