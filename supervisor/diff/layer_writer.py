"""One tar entry onto a tree: files, folders, links, devices, and whiteouts in the form that the target understands.

Order for each thing that is made, because each step undoes a part of the one before it in the kernel: data, owner
(clears setuid and capabilities), attributes, mode, times. Folders' times are set at the very end, from a spool on
disk: an archive with millions of folders must not become our memory.
"""

import errno
import logging
import os
import stat
import struct
import tempfile
from collections.abc import Callable

from proto.errdefs import Fault, ResourceExhausted
from supervisor.diff.tar_entry import BLOCKDEV, CHAR, DIRECTORY, FIFO, LINK, REGULAR, SYMLINK, BadArchive, Entry
from supervisor.diff.tar_reader import TarReader
from supervisor.diff.tar_safety import OPAQUE, Path, clean, may_set, whiteout_target
from supervisor.diff.tree import Tree

logger = logging.getLogger(__name__)

MAX_ENTRIES = 10_000_000
_NODE_KINDS = {CHAR: stat.S_IFCHR, BLOCKDEV: stat.S_IFBLK, FIFO: stat.S_IFIFO}
_MAX_TIME = (1 << 63) - 1
_OPAQUE_XATTR = "trusted.overlay.opaque"
_SPOOLED = struct.Struct("<IqqI")  # folder's path length, atime, mtime, unused
_SPOOL_MEMORY = 1 << 20


class LayerWriter:
    """Writes the entries of one archive.

    `overlay` says that whiteouts are nodes for overlayfs and not removals; `fresh`, that nothing was in the folder
    before.
    """

    def __init__(self, tree: Tree, reader: TarReader, *, overlay: bool, fresh: bool) -> None:
        self._tree = tree
        self._reader = reader
        self._overlay = overlay
        self._fresh = fresh
        self._folders = tempfile.SpooledTemporaryFile(max_size=_SPOOL_MEMORY)  # noqa: SIM115  # closed by finish()
        self._made: set[int] = set()  # hashes of the paths this layer made, for opaque folders without an overlay
        self._kinds: dict[bytes, Callable[[Entry, int, bytes], None]] = {
            REGULAR: self._regular,
            DIRECTORY: self._folder,
            SYMLINK: self._symlink,
            LINK: self._link,
            CHAR: self._node,
            BLOCKDEV: self._node,
            FIFO: self._node,
        }

    def write_all(self) -> None:
        """Write every entry, then the folders' times."""
        try:
            for count, entry in enumerate(self._reader.entries()):
                if count >= MAX_ENTRIES:
                    raise ResourceExhausted(f"archive has more than {MAX_ENTRIES} entries: resource exhausted")
                self._tree.settle()
                self._write(entry)
            self._set_folder_times()
        finally:
            self._folders.close()

    def _write(self, entry: Entry) -> None:
        path = clean(entry.name)
        if not path:
            return  # the root belongs to the snapshot, not to the archive
        parent_path, base = path[:-1], path[-1]
        try:
            parent = self._tree.folder(parent_path, create=True)
            if self._whiteout(entry, parent_path, parent, base):
                return
            make = self._kinds.get(entry.kind)
            if make is None:
                raise BadArchive(f"unhandled tar header type {entry.kind[0]}")
            make(entry, parent, base)
        except OSError as error:
            raise disk_fault(error, entry.name) from error
        if not self._overlay:
            self._remember(path)

    def _remember(self, path: Path) -> None:
        while path and hash(path) not in self._made:
            self._made.add(hash(path))
            path = path[:-1]

    def _whiteout(self, entry: Entry, folder: Path, parent: int, base: bytes) -> bool:
        if base == OPAQUE:
            if self._overlay:
                os.setxattr(parent, _OPAQUE_XATTR, b"y")
            else:
                self._empty(folder, parent)
            return True
        target = whiteout_target(base)
        if target is None:
            return False
        if not self._overlay:
            if hash((*folder, target)) not in self._made:
                self._tree.clear(parent, target)
        elif not (self._fresh and self._keep_own(parent, target)):
            self._tree.clear(parent, target)
            os.mknod(target, stat.S_IFCHR, 0, dir_fd=parent)
            os.chown(target, *_owner(entry), dir_fd=parent, follow_symlinks=False)
        return True

    def _keep_own(self, parent: int, target: bytes) -> bool:
        """A whiteout hides lower layers only, whatever the order of entries; a folder of this layer becomes opaque."""
        status = lstat(parent, target)
        if status is None:
            return False
        if stat.S_ISDIR(status.st_mode):
            fd = _open_folder(parent, target)
            try:
                os.setxattr(fd, _OPAQUE_XATTR, b"y")
            finally:
                os.close(fd)
        return True

    def _empty(self, folder: Path, parent: int) -> None:
        """Remove what lower layers put into a folder, but not what this layer did."""
        for name in os.listdir(parent):
            one = os.fsencode(name)
            if hash((*folder, one)) not in self._made:
                self._tree.clear(parent, one)

    def _regular(self, entry: Entry, parent: int, base: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(base, flags, 0o600, dir_fd=parent)
        except FileExistsError:
            self._tree.clear(parent, base)
            fd = os.open(base, flags, 0o600, dir_fd=parent)
        try:
            if entry.sparse is None:
                for piece in self._reader.data():
                    _write_all(fd, piece)
            else:
                self._sparse(entry, fd)
            self._set_attributes(entry, fd)
        finally:
            os.close(fd)

    def _sparse(self, entry: Entry, fd: int) -> None:
        """Put each extent where it belongs and leave the holes."""
        os.ftruncate(fd, entry.size)
        extents = iter(entry.sparse or ())
        offset = length = 0
        for piece in self._reader.data():
            rest = piece
            while rest:
                while not length:
                    offset, length = next(extents)
                count = os.pwrite(fd, rest[:length], offset)
                offset, length, rest = offset + count, length - count, rest[count:]

    def _folder(self, entry: Entry, parent: int, base: bytes) -> None:
        was_whiteout = self._overlay and is_whiteout(lstat(parent, base))
        if not self._tree.clear(parent, base, keep_folder=True):
            os.mkdir(base, 0o700, dir_fd=parent)
        fd = _open_folder(parent, base)
        try:
            if was_whiteout:
                os.setxattr(fd, _OPAQUE_XATTR, b"y")  # or the lower layers' folder would shine through again
            self._tree.described(fd)
            self._set_attributes(entry, fd)
        finally:
            os.close(fd)
        path = b"/".join(clean(entry.name))
        atime, mtime = _times(entry)
        self._folders.write(_SPOOLED.pack(len(path), atime, mtime, 0) + path)

    def _symlink(self, entry: Entry, parent: int, base: bytes) -> None:
        self._tree.clear(parent, base)
        os.symlink(entry.linkname, base, dir_fd=parent)
        self._set_attributes_at(entry, parent, base)

    def _node(self, entry: Entry, parent: int, base: bytes) -> None:
        self._tree.clear(parent, base)
        os.mknod(base, _NODE_KINDS[entry.kind] | 0o600, os.makedev(entry.major, entry.minor), dir_fd=parent)
        self._set_attributes_at(entry, parent, base)

    def _link(self, entry: Entry, parent: int, base: bytes) -> None:
        target = clean(entry.linkname)
        if not target:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        self._tree.clear(parent, base)
        source = self._tree.folder(target[:-1], create=False)
        os.link(target[-1], base, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        self._set_attributes_at(entry, parent, base)

    def _set_attributes(self, entry: Entry, fd: int) -> None:
        os.fchown(fd, *_owner(entry))
        for name, value in entry.xattrs.items():
            _set_xattr(fd, name, value)
        os.fchmod(fd, entry.mode & 0o7777)
        os.utime(fd, ns=_times(entry))

    def _set_attributes_at(self, entry: Entry, parent: int, base: bytes) -> None:
        """For what cannot be opened without side effects: links and nodes, made a moment ago under this very name."""
        os.chown(base, *_owner(entry), dir_fd=parent, follow_symlinks=False)
        for name, value in entry.xattrs.items():
            _set_xattr(b"/proc/self/fd/%d/%b" % (parent, base), name, value)
        kind = os.stat(base, dir_fd=parent, follow_symlinks=False).st_mode
        if not stat.S_ISLNK(kind):
            os.chmod(base, entry.mode & 0o7777, dir_fd=parent)
        os.utime(base, ns=_times(entry), dir_fd=parent, follow_symlinks=False)

    def _set_folder_times(self) -> None:
        self._folders.seek(0)
        while head := self._folders.read(_SPOOLED.size):
            length, atime, mtime, _ = _SPOOLED.unpack(head)
            path = clean(self._folders.read(length))
            self._tree.settle()
            try:
                os.utime(self._tree.folder(path, create=False), ns=(atime, mtime))
            except (FileNotFoundError, NotADirectoryError):
                continue  # replaced by a later entry of the same archive


def lstat(parent: int, name: bytes) -> os.stat_result | None:
    """What has this name, if anything."""
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


def is_whiteout(status: os.stat_result | None) -> bool:
    """Whether this is overlayfs's mark of a removed name: a character device 0:0."""
    return status is not None and stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _open_folder(parent: int, name: bytes) -> int:
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)


def _owner(entry: Entry) -> tuple[int, int]:
    """The ids, refused where chown(2) would read them as `leave it` or cut them to 32 bits."""
    if not (0 <= entry.uid < 0xFFFFFFFF and 0 <= entry.gid < 0xFFFFFFFF):
        raise BadArchive(f"failed to Lchown for UID {entry.uid}, GID {entry.gid}: invalid argument")
    return entry.uid, entry.gid


def _times(entry: Entry) -> tuple[int, int]:
    """Access and modification time as containerd sets them: the later of both for access, bounded to what fits."""
    mtime = entry.mtime_ns if 0 <= entry.mtime_ns <= _MAX_TIME else 0
    atime = entry.atime_ns if entry.atime_ns is not None and 0 <= entry.atime_ns <= _MAX_TIME else mtime
    return max(atime, mtime), mtime


def _set_xattr(target: int | bytes, name: bytes, value: bytes) -> None:
    if not may_set(name):
        logger.warning("ignored xattr %r in archive", name)
        return
    try:
        if isinstance(target, int):
            os.setxattr(target, name, value)
        else:
            os.setxattr(target, name, value, follow_symlinks=False)
    except OSError as error:
        not_here = error.errno == errno.EOPNOTSUPP
        not_on_this = error.errno == errno.EPERM and name.startswith(b"user.") and not isinstance(target, int)
        if not (not_here or not_on_this):
            raise
        logger.warning("ignored xattr %r in archive", name)


def _write_all(fd: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(fd, piece) :]


def disk_fault(error: OSError, name: bytes) -> Fault:
    """An operating system's refusal in the caller's terms, with the entry's name."""
    words = os.strerror(error.errno or errno.EIO).lower()
    text = f"failed to extract {name.decode(errors='replace')!r}: {words}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceExhausted(text)
    return Fault(text)
