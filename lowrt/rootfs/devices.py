"""/dev: the nodes every container gets and those of the specification, the usual links, the console.

In a user namespace the kernel makes no device nodes, so the host's are bind mounted. /dev itself must be a directory:
were it a link, an image could have nodes made anywhere (CVE-2026-41579).
"""

import os
import stat

from lowrt.errors import Fault, describe
from lowrt.linux import mount as m
from lowrt.linux.openat2 import O_PATH, create_file_in_root, parent_in_root
from lowrt.rootfs.operations import Operation
from lowrt.rootfs.target import Root, clean, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.spec.model import Spec

DEFAULT_NODES = (
    ("/dev/null", 1, 3),
    ("/dev/random", 1, 8),
    ("/dev/full", 1, 7),
    ("/dev/tty", 5, 0),
    ("/dev/zero", 1, 5),
    ("/dev/urandom", 1, 9),
)
_LINKS = (
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
)
_TYPES = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}


class Node:
    """One device node to be made."""

    __slots__ = ("gid", "major", "minor", "mode", "path", "uid")

    def __init__(self, path: str, mode: int, major: int, minor: int, uid: int = 0, gid: int = 0) -> None:
        self.path = clean(path)
        self.mode = mode
        self.major = major
        self.minor = minor
        self.uid = uid
        self.gid = gid

    @property
    def number(self) -> int:
        return 0 if stat.S_ISFIFO(self.mode) else os.makedev(self.major, self.minor)


def nodes_of(spec: "Spec") -> list[Node]:
    """The default nodes, less those that the specification defines anew, then the specification's."""
    own = spec.linux.get("devices") or []
    taken = {clean(device["path"]) for device in own}
    nodes = [
        Node(path, stat.S_IFCHR | 0o666, major, minor) for path, major, minor in DEFAULT_NODES if path not in taken
    ]
    for device in own:
        mode = device.get("fileMode")
        nodes.append(
            Node(
                device["path"],
                _TYPES[device["type"]] | (0o666 if mode is None else stat.S_IMODE(mode)),
                device.get("major") or 0,
                device.get("minor") or 0,
                device.get("uid") or 0,
                device.get("gid") or 0,
            )
        )
    # /dev/ptmx always belongs to the container's own devpts.
    return [node for node in nodes if node.path != "/dev/ptmx"]


class SetUpDev(Operation):
    """Nodes, ptmx and links."""

    __slots__ = ("_sources", "bind", "kcore", "nodes", "verify")

    def __init__(self, nodes: list[Node], *, bind: bool, verify: bool, kcore: bool) -> None:
        self.nodes = nodes
        self.bind = bind
        self.verify = verify  # /dev is the image's own, where others may be at work
        self.kcore = kcore
        self._sources: dict[str, int] = {}

    def describe(self) -> str:
        verb = "bind" if self.bind else "make"
        return f"{verb} devices {' '.join(node.path for node in self.nodes)}, ptmx and links"

    def open_source(self) -> None:
        if self.bind and not self._sources:
            for node in self.nodes:
                self._sources[node.path] = m.open_tree(m.AT_FDCWD, node.path, m.OPEN_TREE_CLONE)

    def apply(self, root: Root) -> None:
        self.open_source()
        old_mask = os.umask(0)
        try:
            dev = open_target(root, "/dev", fstype="dev")
            try:
                for node in self.nodes:
                    self._make(root, dev, node)
                os.umask(old_mask)
                _make_links(dev, kcore=self.kcore)
            finally:
                os.close(dev)
        except (OSError, Fault) as error:
            raise Fault(f"error creating device nodes: {describe(error)}") from error
        finally:
            os.umask(old_mask)

    def _make(self, root: Root, dev: int, node: Node) -> None:
        directory, _, name = node.path.rpartition("/")
        parent = dev
        if directory != "/dev":
            os.umask(0o022)
            parent, name = parent_in_root(root.fd, node.path)
            os.umask(0)
        try:
            if self.bind:
                self._bind(parent, name, self._sources.pop(node.path))
            else:
                self._mknod(parent, name, node)
        finally:
            if parent != dev:
                os.close(parent)

    def _mknod(self, parent: int, name: str, node: Node) -> None:
        try:
            os.mknod(name, node.mode, node.number, dir_fd=parent)
        except FileExistsError:
            return  # the image's own, as with runc; what we open ourselves is verified
        except PermissionError:
            self._bind(parent, name, m.open_tree(m.AT_FDCWD, node.path, m.OPEN_TREE_CLONE))
            return
        if self.verify or node.uid or node.gid:
            _own(parent, name, node)

    @staticmethod
    def _bind(parent: int, name: str, source: int) -> None:
        target = os.open(name, os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o000, dir_fd=parent)
        try:
            m.move_mount(source, target)
        finally:
            os.close(target)
            os.close(source)


def _own(parent: int, name: str, node: Node) -> None:
    """Give the node its owner, once we hold the very inode that was made."""
    fd = os.open(name, O_PATH | os.O_NOFOLLOW, dir_fd=parent)
    try:
        status = os.fstat(fd)
        if stat.S_IFMT(status.st_mode) != stat.S_IFMT(node.mode) or status.st_rdev != node.number:
            raise Fault(f"new device inode {node.path} was exchanged for another")
        os.chown(f"/proc/self/fd/{fd}", node.uid, node.gid)
    finally:
        os.close(fd)


def _make_links(dev: int, *, kcore: bool) -> None:
    try:
        os.unlink("ptmx", dir_fd=dev)
    except FileNotFoundError:
        pass
    os.symlink("pts/ptmx", "ptmx", dir_fd=dev)
    for target, name in (*_LINKS, *((("/proc/kcore", "core"),) if kcore else ())):
        try:
            os.symlink(target, name, dir_fd=dev)
        except FileExistsError:
            pass


def bind_console(root_fd: int, terminal_fd: int) -> None:
    """Mount the container's terminal on its /dev/console, by fd, so that no path can be swapped (CVE-2025-52565)."""
    source = m.open_tree(terminal_fd, "", m.OPEN_TREE_CLONE)
    try:
        try:
            target = create_file_in_root(root_fd, "dev/console", 0o666)
        except FileExistsError:
            parent, name = parent_in_root(root_fd, "dev/console")
            target = os.open(name, O_PATH | os.O_NOFOLLOW, dir_fd=parent)
            os.close(parent)
        try:
            m.move_mount(source, target)
        finally:
            os.close(target)
    finally:
        os.close(source)


def is_null(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == os.makedev(1, 3)


def open_null(flags: int) -> int:
    """The container's /dev/null, proven to be one: an image may have put anything there (CVE-2025-31133)."""
    fd = os.open("/dev/null", flags | os.O_CLOEXEC)
    if not is_null(os.fstat(fd)):
        os.close(fd)
        raise Fault("container's /dev/null is invalid")
    return fd


def reopen_null() -> None:
    """Standard streams on the host's /dev/null move to the container's, which is what /proc/self/fd then shows.

    It is opened even if none is: a container whose /dev/null is something else is refused, as by runc.
    """
    try:
        null = open_null(os.O_RDWR)
    except (OSError, Fault) as error:
        raise Fault(f"error reopening /dev/null inside container: {describe(error)}") from error
    for fd in range(3):
        if is_null(os.fstat(fd)):
            os.dup2(null, fd)
    os.close(null)
