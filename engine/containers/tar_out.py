"""A tar of a path inside an untrusted root: every step is relative to an fd, links are stored and never followed.

The tree may change meanwhile: what is gone, or has become something else, is left out, and the rest goes on. File
systems that only the kernel fills (/proc, /sys and their like, and the devices of /dev) are left out below the path
that was asked for, as with dockerd, which sees none of them.
"""

import ctypes
import errno
import os
import stat
import sys
import tarfile
from typing import Any, BinaryIO

from engine import kernel
from engine.descent import Descent
from engine.users.idmap import IdMap

# statfs(2) and <linux/magic.h>: proc, sysfs, cgroup, cgroup2, devpts, mqueue, debugfs, tracefs, securityfs, bpf
_OF_THE_KERNEL = frozenset(
    (0x9FA0, 0x62656572, 0x27E0EB, 0x63677270, 0x1CD1, 0x19800202, 0x64626720, 0x74726163, 0x73636673, 0xCAFE4A11)
)
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESRCH, errno.ENXIO, errno.EACCES, errno.EPERM, errno.EINVAL)
_libc = ctypes.CDLL(None, use_errno=True)


class TarWriter:
    """Writes one tree."""

    def __init__(self, root: int, out: BinaryIO, *, one_filesystem: bool = False, ids: IdMap | None = None) -> None:
        self._root = root
        self._ids = ids  # the tree shows the host's ids, and the tar gets the container's
        self._tar = tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 (closed by `write`)
        self._seen: dict[tuple[int, int], str] = {}
        self._device = os.fstat(root).st_dev if one_filesystem else None
        self._devices = _devices(root)

    def write(self, path: str, name: str) -> None:
        """The file or folder at `path`, called `name` in the tar, and all below it; no name: only what is below."""
        try:
            parent = kernel.openat2(self._root, os.path.dirname(path) or "/", os.O_RDONLY | os.O_DIRECTORY)
            try:
                self._tree(parent, os.path.basename(path) or ".", name)
            finally:
                os.close(parent)
        except BaseException:
            self._abandon()
            raise
        self._tar.close()

    def _abandon(self) -> None:
        """The reader has gone: no end marks, and no finalizer that would try to write them."""
        tar: Any = self._tar  # neither attribute is in the library's type stubs
        tar.fileobj.closed = True
        tar.closed = True

    def _tree(self, parent: int, base: str, name: str) -> None:
        """However deep it is, no stack and no table of files grows with it."""
        with Descent(parent) as place:
            if not self._entry(place.fd, base, name) or (base != "." and not self._enter(place, base)):
                return
            pending = [(name, iter(sorted(os.listdir(place.fd))))]
            while pending:
                above, entries = pending[-1]
                entry = next(entries, None)
                if entry is None:
                    pending.pop()
                    if pending:
                        place.leave()
                    continue
                below = f"{above.rstrip('/')}/{entry}" if above else entry
                if self._entry(place.fd, entry, below) and self._enter(place, entry):
                    pending.append((below, iter(sorted(os.listdir(place.fd)))))

    def _entry(self, folder: int, base: str, name: str) -> bool:
        """Write one; True for a folder whose content is wanted, too."""
        try:
            found = os.stat(base, dir_fd=folder, follow_symlinks=False)
            header = _header(found, name)
            if header is not None and self._ids is not None:
                header.uid, header.gid = self._ids.to_container(header.uid, header.gid)
            if header is not None and header.issym():
                header.linkname = os.readlink(base, dir_fd=folder)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return False  # since the folder was read
        elsewhere = self._device is not None and found.st_dev != self._device
        if header is None or (elsewhere and not header.isdir()):
            return False
        if header.isreg() and found.st_nlink > 1:
            first = self._seen.setdefault((found.st_dev, found.st_ino), name)
            if first != name:
                header.type, header.linkname, header.size = tarfile.LNKTYPE, first, 0
        if header.isreg():
            self._file(folder, base, header)
            return False
        if name:
            self._tar.addfile(header)
        return header.isdir() and not elsewhere

    def _enter(self, place: Descent, base: str) -> bool:
        """False for what is no folder any more, or the kernel's."""
        above = os.fstat(place.fd).st_dev
        try:
            place.enter(base)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return False
        if self._is_kernels(place.fd, above):
            place.leave()
            return False
        return True

    def _is_kernels(self, fd: int, above: int) -> bool:
        """A mount that nobody's files are on, met on the way down; what was asked for itself is always walked."""
        device = os.fstat(fd).st_dev
        if device == above:
            return False
        return device == self._devices or _kind(fd) in _OF_THE_KERNEL

    def _file(self, folder: int, base: str, header: tarfile.TarInfo) -> None:
        try:
            fd = os.open(base, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return
        with os.fdopen(fd, "rb") as file:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                return  # exchanged under our feet
            header.size = found.st_size
            for attribute in os.listxattr(fd):
                if attribute == "security.capability":
                    value = os.getxattr(fd, attribute).decode("utf-8", "surrogateescape")
                    header.pax_headers = {f"SCHILY.xattr.{attribute}": value}
            self._tar.addfile(header, _Padded(file, header.size))


def _devices(root: int) -> int | None:
    """The device number of what is mounted at /dev; None where nothing is."""
    try:
        fd = kernel.openat2(root, "dev", os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        found = os.fstat(fd).st_dev
    finally:
        os.close(fd)
    return found if found != os.fstat(root).st_dev else None


def _kind(fd: int) -> int:
    """fstatfs(2)'s f_type, its first word."""
    answer = ctypes.create_string_buffer(256)
    if _libc.fstatfs(fd, answer) < 0:
        return 0
    return int.from_bytes(answer.raw[: ctypes.sizeof(ctypes.c_long)], sys.byteorder)


class _Padded:
    """Exactly as many bytes as the header says, even if the file shrinks meanwhile."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        size = self._left if size < 0 else size
        try:
            data = self._file.read(min(size, self._left))
        except OSError:
            data = b""  # a file of the kernel's that cannot be read: its header has gone out already
        data += bytes(min(size, self._left) - len(data))
        self._left -= len(data)
        return data


_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
}


def _header(found: os.stat_result, name: str) -> tarfile.TarInfo | None:
    """None for what a tar cannot hold (sockets)."""
    kind = _TYPES.get(stat.S_IFMT(found.st_mode))
    if kind is None:
        return None
    header = tarfile.TarInfo(name)
    header.type = kind
    header.mode = stat.S_IMODE(found.st_mode)
    header.uid, header.gid = found.st_uid, found.st_gid
    header.mtime = int(found.st_mtime)
    if kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        header.devmajor, header.devminor = os.major(found.st_rdev), os.minor(found.st_rdev)
    return header
