"""What an engine stands on before its own modules are loaded: folders, pid file, sockets, and a supervisor on its way.

Loading the modules takes half a second, which is what a supervisor needs to start: so it is started first.
"""

import contextlib
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from engine import kernel, listeners, priority
from engine.config import Config
from engine.managed_supervisor import ManagedSupervisor
from engine.paths import Paths

ENDINGS = (signal.SIGTERM, signal.SIGINT)
_HELD_BACK = (*ENDINGS, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Ground:
    """Of one engine; `managed` is None where somebody else runs the supervisor."""

    config: Config
    paths: Paths
    sockets: list[tuple[socket.socket, ssl.SSLContext | None]]
    managed: ManagedSupervisor | None


@contextlib.contextmanager
def laid(config: Config) -> Iterator[Ground]:
    """Lay it, and take the pid file away at the end. Signals are held back until `heard` asks for them.

    Sockets are bound first and answered last: clients that come early wait in the backlog.
    """
    paths = Paths(os.path.abspath(config.data_root), os.path.abspath(config.exec_root))
    paths.make()
    kernel.adjust_oom_score(config.oom_score_adjust)
    _write_pidfile(config.pidfile)
    try:
        sockets = listeners.listen(config)
        managed = None
        if not config.containerd:
            managed = ManagedSupervisor(paths, "debug" if config.debug else config.log_level)
            managed.begin()
        priority.prefer()
        signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
        yield Ground(config, paths, sockets, managed)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(config.pidfile)


def heard() -> None:
    """Handlers are there: let signals come, those also that came meanwhile."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD_BACK)


def _write_pidfile(path: str) -> None:
    with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
        pid = int(file.read())
        if pid != os.getpid() and os.path.exists(f"/proc/{pid}") and _is_engine(pid):
            raise SystemExit(
                f"failed to start daemon, ensure docker is not running or delete {path}: "
                f"process with PID {pid} is still running"
            )
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(str(os.getpid()))


def _is_engine(pid: int) -> bool:
    """A reused pid of some other program does not keep us from starting."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read()
            return b"wherryd" in words or b"engine" in words
    except OSError:
        return False
