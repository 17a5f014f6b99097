"""Where things are: the files of a bundle, and the address of a shim's socket. Nobody else joins a file name.

BUNDLE/config.json          the OCI spec, by containerd
BUNDLE/rootfs/              where Create.rootfs is mounted
BUNDLE/work                 link to the persistent work folder, by containerd
BUNDLE/log                  fifo that containerd reads; the server's stderr
BUNDLE/address              our socket, for containerd to find after its restart
BUNDLE/init.pid             the container's first process, by the runtime
BUNDLE/EXECID.pid           an exec's process, by the runtime
BUNDLE/log.json             the runtime's own log; EXECID.log.json while an exec starts
BUNDLE/options.json         the runc options of Create, for `delete`
BUNDLE/runtime              the runtime's program, for `delete`
BUNDLE/exit.json            how the first process ended, written before anyone is told
BUNDLE/criu-dump.log        CRIU's log of the last checkpoint, if that failed
"""

import os

try:  # the bare hash: hashlib brings OpenSSL along
    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]  # since 3.12
except ImportError:
    from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]

SOCKET_ROOT = "/run/containerd/s"
RUNTIME_ROOT = "/run/containerd/runc"  # the OCI runtime's --root, before the namespace is added


class Bundle:
    """The files of one bundle."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)

    @property
    def config(self) -> str:
        """The OCI spec."""
        return os.path.join(self.path, "config.json")

    @property
    def rootfs(self) -> str:
        """The mount point of the container's tree."""
        return os.path.join(self.path, "rootfs")

    @property
    def work(self) -> str:
        """The persistent work folder."""
        return os.path.join(self.path, "work")

    @property
    def log(self) -> str:
        """The fifo to containerd's log."""
        return os.path.join(self.path, "log")

    @property
    def address(self) -> str:
        """The record of our socket."""
        return os.path.join(self.path, "address")

    @property
    def init_pid(self) -> str:
        """The pid of the first process."""
        return os.path.join(self.path, "init.pid")

    @property
    def runtime_log(self) -> str:
        """The OCI runtime's log."""
        return os.path.join(self.path, "log.json")

    @property
    def options(self) -> str:
        """The runc options."""
        return os.path.join(self.path, "options.json")

    @property
    def runtime(self) -> str:
        """The OCI runtime's program."""
        return os.path.join(self.path, "runtime")

    @property
    def exit_record(self) -> str:
        """How the first process ended."""
        return os.path.join(self.path, "exit.json")

    @property
    def dump_log(self) -> str:
        """What CRIU said when a checkpoint failed."""
        return os.path.join(self.path, "criu-dump.log")

    def exec_pid(self, exec_id: str) -> str:
        """The pid of an exec's process."""
        return os.path.join(self.path, f"{exec_id}.pid")

    def exec_log(self, exec_id: str) -> str:
        """The runtime's log of one exec: starts that run at once must not read each other's errors."""
        return os.path.join(self.path, f"{exec_id}.log.json")

    def exec_spec(self, exec_id: str) -> str:
        """The process document handed to the runtime."""
        return os.path.join(self.path, f"{exec_id}.process.json")


def sibling(cwd: str, container_id: str) -> Bundle:
    """The bundle of another container of the same namespace: `delete` runs in whichever bundle containerd likes."""
    return Bundle(os.path.join(os.path.dirname(os.path.abspath(cwd)), container_id))


def socket_path(address: str, namespace: str, group: str, root: str = SOCKET_ROOT) -> str:
    """The socket for a containerd address, a namespace and a container or group of containers."""
    name = os.path.normpath("/".join(part for part in (address, namespace, group) if part))
    return os.path.join(root, str(sha256(name.encode()).hexdigest()))


def write_atomically(path: str, data: bytes, mode: int = 0o644, *, durable: bool = False) -> None:
    """Replace a file's content: `.NAME` beside it, then rename(2); `durable` means on disk before we return."""
    temporary = os.path.join(os.path.dirname(path), "." + os.path.basename(path))
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(temporary, path)
    if durable:
        _sync_folder(os.path.dirname(path))


def read_text(path: str) -> str | None:
    """A small file's text, None without the file."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def read_pid(path: str) -> int:
    """A pid file's number, 0 without the file or a number in it."""
    text = read_text(path) or ""
    return int(text) if text.strip().isdigit() else 0


def _sync_folder(path: str) -> None:
    fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
