"""sd_notify(3) across the border: a container says that it is ready, and whoever started lowrt hears it.

    service manager ◀── NOTIFY_SOCKET ── lowrt ◀── ROOT/ID/notify/notify.sock = /run/notify/notify.sock ── container

Only READY passes. The manager learns the pid to watch from us, not from the container. `run` listens as long as it
stays; `start` and `run --detach` wait until the container is ready, or has ended.
"""

import _socket
import os
import select

from lowrt.linux import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.paths import StateDir
    from lowrt.spec.model import Spec

_VARIABLE = "NOTIFY_SOCKET"
_FOLDER = "/run/notify"
_NAME = "notify.sock"
_BARRIER_PATIENCE = 30_000  # ms, as runc


def is_wanted() -> bool:
    return bool(os.environ.get(_VARIABLE))


def give(spec: "Spec", state_dir: "StateDir") -> None:
    """The container's side: a folder to be mounted, in which the socket will be, and the variable that names it."""
    os.mkdir(state_dir.notify, 0o755)
    options = ["bind", "nosuid", "noexec", "nodev", "ro"]
    mount = {"destination": _FOLDER, "source": state_dir.notify, "type": "bind", "options": options}
    spec.document["mounts"] = [*spec.mounts, mount]
    spec.process["env"] = [*(spec.process.get("env") or ()), f"{_VARIABLE}={_FOLDER}/{_NAME}"]


class Proxy:
    """Our ends: the socket that the container writes to, and the one that the service manager reads."""

    def __init__(self, state_dir: "StateDir") -> None:
        folder = os.open(state_dir.notify, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        kind = _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC
        self._inner = _socket.socket(_socket.AF_UNIX, kind)
        self._outer = _socket.socket(_socket.AF_UNIX, kind)
        try:
            place = f"/proc/self/fd/{folder}/{_NAME}"  # state directories may be longer than a socket's name
            self._inner.bind(place)
            os.chmod(place, 0o777)  # noqa: S103 - of whatever user the container has
            self._outer.connect(_address(os.environ[_VARIABLE]))
        except BaseException:
            self.close()
            raise
        finally:
            os.close(folder)

    def close(self) -> None:
        self._inner.close()
        self._outer.close()

    def fileno(self) -> int:
        return self._inner.fileno()

    def pass_on(self, pid: int) -> bool:
        """Read one message; True when it said that the container is ready, which the manager knows now."""
        for line in self._inner.recv(4096).split(b"\n"):
            if line.startswith(b"READY="):
                self._outer.send(line + b"\n")
                self._outer.send(b"MAINPID=%d\n" % pid)
                return True
        return False

    def wait(self, pid: int, pidfd: int) -> None:
        """Until it is ready, or its process has ended; the manager has read everything by then."""
        poller = select.poll()
        for fd in (self.fileno(), pidfd):
            poller.register(fd, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poller.poll()]
            if self.fileno() in ready and self.pass_on(pid):
                self._await_manager()
                return
            if pidfd in ready and self.fileno() not in ready:
                return

    def _await_manager(self) -> None:
        """BARRIER=1 carries a pipe, which the manager closes when it comes to it: before, we must not exit."""
        reading, writing = os.pipe()
        try:
            self._outer.sendmsg(
                [b"BARRIER=1"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, writing.to_bytes(4, "little"))]
            )
        finally:
            os.close(writing)
        poller = select.poll()
        poller.register(reading, select.POLLIN)
        poller.poll(_BARRIER_PATIENCE)
        os.close(reading)


def wait_ready(proxy: Proxy, pid: int) -> None:
    """`wait` for a container whose pidfd is not at hand."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        proxy.wait(pid, pidfd)
    finally:
        process.close(pidfd)


def _address(name: str) -> str | bytes:
    """A path, or with an @ a name of the abstract namespace."""
    return b"\0" + name[1:].encode() if name.startswith("@") else name
