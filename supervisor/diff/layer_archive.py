"""Changes as a layer's tar: parents before children, hard links to the first name, `.wh.` files for what is gone."""

import os
import stat
from collections.abc import Callable, Iterable

from proto.errdefs import Fault
from supervisor.diff import tar_writer
from supervisor.diff.changes import Change, Kind, open_file
from supervisor.diff.tar_entry import BLOCKDEV, CHAR, DIRECTORY, FIFO, LINK, REGULAR, SYMLINK
from supervisor.diff.tar_safety import WHITEOUT, may_set
from supervisor.diff.tar_writer import Header

_CHUNK = 1 << 20
_KINDS = {
    stat.S_IFREG: REGULAR,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFCHR: CHAR,
    stat.S_IFBLK: BLOCKDEV,
    stat.S_IFIFO: FIFO,
}
_KEPT_XATTRS = ("security.capability", "user.")


class LayerArchive:
    """Writes one layer; `right` is the tree the changes led to, `latest` (seconds) bounds the times when it is
    given."""

    def __init__(self, right: int, write: Callable[[bytes], object], latest: int | None = None) -> None:
        self._right = right
        self._write = write
        self._latest = latest
        self._folders: set[bytes] = set()
        self._first_names: dict[tuple[int, int], bytes] = {}
        self._waiting: dict[tuple[int, int], list[bytes]] = {}

    def write_all(self, changes: Iterable[Change]) -> None:
        """Write every change, and the end."""
        for change in changes:
            if change.kind is Kind.DELETE:
                self._whiteout(change.path)
            elif change.status is not None:
                self._entry(change, change.status)
        self._write(tar_writer.END)

    def _whiteout(self, path: bytes) -> None:
        folder, _, base = path.rpartition(b"/")
        name = (folder + b"/" if folder else b"") + WHITEOUT + base
        self._parents(name)
        self._write(tar_writer.encode(Header(name)))

    def _entry(self, change: Change, status: os.stat_result) -> None:
        kind = _KINDS.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return  # sockets are not for archives
        header = self._header(change.path, kind, status)
        inode = (status.st_dev, status.st_ino)
        extra: list[bytes] = []
        if kind != DIRECTORY and status.st_nlink > 1:
            first = self._first_names.get(inode)
            if first is not None:
                header.kind, header.linkname, header.size = LINK, first, 0
            elif change.kind is Kind.UNMODIFIED:
                self._waiting.setdefault(inode, []).append(change.path)
                return
            else:
                self._first_names[inode] = change.path
                extra = self._waiting.pop(inode, [])
        elif change.kind is Kind.UNMODIFIED:
            return
        self._write_entry(header, change.folder, change.base)
        for name in extra:
            self._parents(name)
            link = Header(name, LINK, header.mode, header.uid, header.gid, 0, header.mtime, header.name)
            self._write(tar_writer.encode(link))

    def _header(self, path: bytes, kind: bytes, status: os.stat_result) -> Header:
        mtime = status.st_mtime_ns // 1_000_000_000
        return Header(
            name=path + b"/" if kind == DIRECTORY else path,
            kind=kind,
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            size=status.st_size if kind == REGULAR else 0,
            mtime=mtime if self._latest is None else min(mtime, self._latest),
            major=os.major(status.st_rdev) if kind in (CHAR, BLOCKDEV) else 0,
            minor=os.minor(status.st_rdev) if kind in (CHAR, BLOCKDEV) else 0,
        )

    def _write_entry(self, header: Header, folder: int, base: bytes) -> None:
        self._parents(header.name)
        if header.kind == SYMLINK:
            header.linkname = os.readlink(base, dir_fd=folder)
        if header.kind == LINK:
            self._write(tar_writer.encode(header))
            return
        if header.kind == DIRECTORY:
            self._folders.add(header.name.rstrip(b"/"))
        if header.kind != REGULAR:
            header.xattrs = _xattrs(b"/proc/self/fd/%d/%b" % (folder, base))
            self._write(tar_writer.encode(header))
            return
        with open_file(folder, base) as file:
            header.xattrs = _xattrs(file.fd)
            if not stat.S_ISREG(os.fstat(file.fd).st_mode):
                raise Fault(
                    f"failed to open path: {header.name.decode(errors='replace')}: it changed while it was read"
                )
            self._write(tar_writer.encode(header))
            self._data(file, header)

    def _data(self, file: open_file, header: Header) -> None:
        left = header.size
        while left:
            data = file.read(min(left, _CHUNK))
            if not data:
                raise Fault(f"failed to copy: {header.name.decode(errors='replace')}: short write copying file")
            self._write(data)
            left -= len(data)
        self._write(tar_writer.padding(header.size))

    def _parents(self, name: bytes) -> None:
        """A folder's own entry comes before what it holds, also when only the inside changed."""
        above = name.rstrip(b"/").rpartition(b"/")[0]
        if not above or above in self._folders:
            return
        parts = above.split(b"/")
        fd = os.dup(self._right)
        try:
            for depth, part in enumerate(parts, 1):
                path = b"/".join(parts[:depth])
                if path not in self._folders:
                    self._folders.add(path)
                    status = os.stat(part, dir_fd=fd, follow_symlinks=False)
                    header = self._header(path, DIRECTORY, status)
                    header.xattrs = _xattrs(b"/proc/self/fd/%d/%b" % (fd, part))
                    self._write(tar_writer.encode(header))
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
                os.close(fd)
                fd = inner
        finally:
            os.close(fd)


def _xattrs(file: bytes | int) -> dict[bytes, bytes]:
    """Of a path, its last link not followed, or of an open file."""
    follow = isinstance(file, int)
    try:
        names = os.listxattr(file, follow_symlinks=follow)
        kept = [name for name in names if name.startswith(_KEPT_XATTRS) and may_set(os.fsencode(name))]
        return {os.fsencode(name): os.getxattr(file, name, follow_symlinks=follow) for name in kept}
    except OSError:
        return {}  # a file system without attributes
