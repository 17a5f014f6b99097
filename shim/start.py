"""`start`: bind the socket, leave a server behind, print its address.

    containerd ── start ──▶ helper: bind, listen ── fork ──▶ server: fds 0-2 away, then import asyncio and protobuf
                               │ write BUNDLE/address                        ▲
    containerd ◀── address ────┘ exit                                        │
    containerd ── connect: answered by the backlog meanwhile ────────────────┘

The address is out before anything heavy is imported. Nothing may be written to stderr on success: containerd reads both
outputs as one. A container of a group (a pod) finds the group's server alive and only learns its address.
"""

import _socket
import errno
import os
import sys

from shim import bootstrap, sites
from shim.args import LISTEN_FD, Arguments
from shim.paths import SOCKET_ROOT, Bundle, socket_path, write_atomically

TYPE_CHECKING = False  # typing itself costs 12 ms
if TYPE_CHECKING:
    from shim.runtime import Launcher

_INPUT_LIMIT = 10 << 20
_GROUP_ANNOTATIONS = ("io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id")
_PATH_LIMIT = 106
_CONNECT_SECONDS = 0.1


class StartError(Exception):
    """`start` cannot go on; the text goes to the caller."""


class Prepared:
    """A socket ready for a server, or the address of the server that is there already (`listener` None)."""

    __slots__ = ("listener", "output", "path", "shim_cgroup")

    def __init__(self, path: str, listener: _socket.socket | None, output: bytes, shim_cgroup: str) -> None:
        self.path = path
        self.listener = listener
        self.output = output
        self.shim_cgroup = shim_cgroup


def main(arguments: Arguments) -> int:
    """The cold path: this process is the helper of the drawing."""
    prepared = prepare(arguments, os.getcwd(), read_input(0))
    if prepared.listener is not None:
        pid = os.fork()
        if pid == 0:
            become_server(arguments, prepared.listener.fileno(), os.getcwd())
        place(pid, prepared)
    os.write(1, prepared.output)
    return 0


def prepare(arguments: Arguments, cwd: str, data: bytes) -> Prepared:
    """Everything of `start` but the fork; raises StartError or OSError with nothing left behind."""
    try:
        told = bootstrap.parse(data, arguments.id)
    except ValueError as error:
        raise StartError(f"cannot decode the input of start: {error}") from error
    bundle = Bundle(cwd)
    path = socket_path(
        arguments.address, arguments.namespace, group_of(bundle, arguments.id), told.socket_root or SOCKET_ROOT
    )
    listener = bind(path)
    address = f"unix://{path}"
    if told.modern:
        return Prepared(path, listener, bootstrap.result(address), told.shim_cgroup)
    try:
        write_atomically(bundle.address, address.encode())
    except OSError:
        if listener is not None:
            os.unlink(path)
        raise
    return Prepared(path, listener, address.encode(), told.shim_cgroup)


def group_of(bundle: Bundle, container_id: str) -> str:
    """The group that the spec's annotations name, else the container itself."""
    try:
        with open(bundle.config, "rb") as file:
            document = file.read()
    except FileNotFoundError:
        if not os.path.isdir(bundle.path):
            raise
        return container_id  # a sandbox need not have a spec
    if not any(name.encode() in document for name in _GROUP_ANNOTATIONS):
        return container_id  # spares the JSON module
    import json

    annotations = json.loads(document).get("annotations") or {}
    return next((annotations[name] for name in _GROUP_ANNOTATIONS if name in annotations), container_id)


def bind(path: str) -> _socket.socket | None:
    """A listening socket at `path`, or None where a living server listens; a dead one's socket is replaced."""
    if len(path) > _PATH_LIMIT:
        raise StartError(f'"{path}": unix socket path too long (> {_PATH_LIMIT})')
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    for _ in range(2):
        listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            _bind_private(listener, path)
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
            if answers(path):
                return None
            os.unlink(path)
        else:
            listener.listen(128)
            return listener
    raise StartError(f"create new shim socket: {path} is taken")


def become_server(arguments: Arguments, listener_fd: int, cwd: str, launcher: "Launcher | None" = None) -> None:
    """In the forked child: let go of the caller's fds, then serve. Does not return."""
    status = 1
    try:
        detach(listener_fd, cwd)
        sites.enable()
        from shim import serve

        status = serve.main(arguments, launcher)
    except BaseException as error:  # there is nobody above to see it; the log fifo is on stderr
        sys.stderr.write(f"containerd-shim-wherry-v2: {type(error).__name__}: {error}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)


def detach(listener_fd: int, cwd: str) -> None:
    """Own process group, stdio away from the caller, the listener at its fixed number."""
    os.setpgid(0, 0)
    if os.environ.get("SCHED_CORE"):
        from shim import linux

        linux.sched_core_create()
    os.chdir(cwd)
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    log = open_log(Bundle(cwd))
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(log if log is not None else null, 2)
    for fd in (null, log):
        if fd is not None and fd > 2:
            os.close(fd)
    if listener_fd != LISTEN_FD:
        os.dup2(listener_fd, LISTEN_FD, inheritable=False)
        os.close(listener_fd)


def open_log(bundle: Bundle) -> int | None:
    """The fifo that containerd reads; None where nobody does. Never blocks, now or when writing."""
    try:
        return os.open(bundle.log, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None


def place(pid: int, prepared: Prepared) -> None:
    """Put a new server where it belongs; one that cannot go there ends, and its socket with it."""
    try:
        _place(pid, prepared.shim_cgroup)
    except (OSError, StartError):
        os.kill(pid, 9)
        os.unlink(prepared.path)
        raise


def _place(pid: int, shim_cgroup: str) -> None:
    """Into its cgroup, and one step nearer to the OOM killer than containerd."""
    if shim_cgroup:
        for folder in _cgroup_folders(shim_cgroup):
            with open(os.path.join(folder, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(str(pid))
    try:
        with open(f"/proc/{os.getppid()}/oom_score_adj", encoding="ascii") as file:
            score = int(file.read())
    except OSError:
        return  # the caller lives outside of our pid namespace
    with open(f"/proc/{pid}/oom_score_adj", "w", encoding="ascii") as file:
        file.write(str(min(score + 1, 1000)))


def read_input(fd: int) -> bytes:
    """All of an fd, within a limit."""
    chunks = []
    size = 0
    while chunk := os.read(fd, 65536):
        chunks.append(chunk)
        size += len(chunk)
        if size > _INPUT_LIMIT:
            raise StartError("the input of start is too long")
    return b"".join(chunks)


def _bind_private(listener: _socket.socket, path: str) -> None:
    """Nobody but root may connect, from the socket's first moment on."""
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)


def answers(path: str) -> bool:
    """Whether somebody listens on a socket."""
    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    probe.settimeout(_CONNECT_SECONDS)
    try:
        probe.connect(path)
    except OSError:
        return False
    finally:
        probe.close()
    return True


def _cgroup_folders(cgroup: str) -> list[str]:
    """The folder of a cgroup in each hierarchy; the cgroup must exist."""
    root = "/sys/fs/cgroup"
    name = cgroup.lstrip("/")
    if os.path.exists(os.path.join(root, "cgroup.controllers")):
        return [os.path.join(root, name)]
    folders = [os.path.join(root, hierarchy, name) for hierarchy in sorted(os.listdir(root)) if hierarchy != "unified"]
    existing = [folder for folder in folders if os.path.isdir(folder)]
    if not existing:
        raise StartError(f"failed to load cgroup {cgroup}: cgroup deleted")
    return existing
