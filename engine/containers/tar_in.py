"""Unpacks a client's tar below a folder of an untrusted root: no name and no link leads out of the root.

Parents are opened by openat2(2) inside the root for each entry, the last part is made or replaced relative to that fd.
"""

import contextlib
import os
import stat
import tarfile
from typing import BinaryIO

from engine import kernel
from engine.descent import remove_tree
from engine.users import linux
from engine.users.idmap import IdMap
from proto.errdefs import InvalidArgument

_CHUNK = 1 << 20


class TarReader:
    """Extracts one tar."""

    def __init__(
        self,
        root: int,
        destination: str,
        *,
        keep_kinds: bool = False,
        owner: tuple[int, int] | None = None,
        ids: IdMap | None = None,  # the tree shows the host's ids, and the tar has the container's
    ) -> None:
        self._root = root
        self._destination = destination
        self._keep_kinds = keep_kinds
        self._owner = owner
        self._ids_there = ids
        self._folders: list[tuple[str, tarfile.TarInfo]] = []

    def extract(self, source: BinaryIO) -> None:
        """All entries; times of folders come last, as filling them changes them."""
        if self._ids_there is None:
            self._extract(source)
        else:
            with linux.acting_as(*self._ids_there.root):  # the host's root has no id in a mapped file system
                self._extract(source)

    def _extract(self, source: BinaryIO) -> None:
        try:
            with tarfile.open(fileobj=source, mode="r|*") as tar:
                self.entries(tar)
        except tarfile.TarError as error:
            if str(error) == "empty file":  # no archive at all is one without entries, to dockerd
                return
            raise InvalidArgument(f"Error processing tar file: {error}") from error
        except (EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InvalidArgument(f"Error processing tar file: {error}") from error

    def entries(self, tar: tarfile.TarFile) -> None:
        """Those of an open archive."""
        for entry in tar:
            self._entry(tar, entry)
        for path, entry in reversed(self._folders):
            with contextlib.suppress(OSError):
                fd = kernel.openat2(self._root, path, os.O_RDONLY | os.O_DIRECTORY)
                os.utime(fd, (entry.mtime, entry.mtime))
                os.close(fd)

    def _entry(self, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        path = self._path(entry)
        folder = kernel.make_folder(self._root, os.path.dirname(path))
        try:
            self._place(tar, entry, folder, os.path.basename(path) or ".")
        finally:
            os.close(folder)
        if entry.isdir():
            self._folders.append((path, entry))

    def _path(self, entry: tarfile.TarInfo) -> str:
        clean = os.path.normpath("/" + entry.name)
        path = os.path.normpath(f"{self._destination}/{clean}") if clean != "/" else self._destination
        return "/" + path.lstrip("/")

    def folder_of(self, entry: tarfile.TarInfo) -> int:
        """An fd of the folder that holds an entry which has been extracted."""
        return kernel.make_folder(self._root, os.path.dirname(self._path(entry)))

    def _place(self, tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: int, base: str) -> None:
        if not self._make_room(entry, folder, base):
            return
        if entry.isdir():
            with contextlib.suppress(FileExistsError):
                os.mkdir(base, 0o755, dir_fd=folder)
        elif entry.isreg():
            self._file(tar, entry, folder, base)
            return
        elif entry.issym():
            os.symlink(entry.linkname, base, dir_fd=folder)
        elif entry.islnk():
            self._link(entry, folder, base)
            return
        elif entry.isfifo():
            os.mkfifo(base, dir_fd=folder)
        elif entry.ischr() or entry.isblk():
            kind = stat.S_IFCHR if entry.ischr() else stat.S_IFBLK
            os.mknod(base, kind | 0o600, os.makedev(entry.devmajor, entry.devminor), dir_fd=folder)
        else:
            raise InvalidArgument(f"unhandled tar header type {entry.type!r}")
        self._own(entry, folder, base)

    def _make_room(self, entry: tarfile.TarInfo, folder: int, base: str) -> bool:
        try:
            found = os.stat(base, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return True
        is_folder = stat.S_ISDIR(found.st_mode)
        if self._keep_kinds and is_folder != entry.isdir():
            kinds = ("directory", "non-directory") if is_folder else ("non-directory", "directory")
            raise InvalidArgument(f'cannot overwrite {kinds[0]} "{entry.name}" with {kinds[1]} "{base}"')
        if is_folder and entry.isdir():
            return True
        if is_folder:
            remove_tree(folder, base)
        else:
            os.unlink(base, dir_fd=folder)
        return True

    def _file(self, tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: int, base: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        source = tar.extractfile(entry)
        assert source is not None
        with os.fdopen(os.open(base, flags, 0o600, dir_fd=folder), "wb") as target:
            while chunk := source.read(_CHUNK):
                target.write(chunk)
            target.flush()
            os.fchown(target.fileno(), *self._ids(entry))
            os.fchmod(target.fileno(), entry.mode & 0o7777)
            set_attributes(target.fileno(), entry)
            os.utime(target.fileno(), (entry.mtime, entry.mtime))

    def _link(self, entry: tarfile.TarInfo, folder: int, base: str) -> None:
        name = os.path.normpath("/" + entry.linkname)
        path = f"{self._destination}{name}"
        parent = kernel.openat2(self._root, os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.link(os.path.basename(path), base, src_dir_fd=parent, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(parent)

    def _own(self, entry: tarfile.TarInfo, folder: int, base: str) -> None:
        os.chown(base, *self._ids(entry), dir_fd=folder, follow_symlinks=False)
        if entry.issym():
            return
        fd = os.open(base, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            os.chmod(f"/proc/self/fd/{fd}", entry.mode & 0o7777)
        finally:
            os.close(fd)

    def _ids(self, entry: tarfile.TarInfo) -> tuple[int, int]:
        found = self._owner if self._owner is not None else (entry.uid, entry.gid)
        return found if self._ids_there is None else self._ids_there.to_host(*found)


def set_attributes(fd: int, entry: tarfile.TarInfo) -> None:
    """A file's capabilities and its user's own attributes, after its owner: chown(2) takes capabilities away."""
    for key, value in entry.pax_headers.items():
        name = key.removeprefix("SCHILY.xattr.")
        if name != key and (name == "security.capability" or name.startswith("user.")):
            with contextlib.suppress(OSError):  # what the file system or the archive cannot have, as with dockerd
                os.setxattr(fd, name, value.encode("utf-8", "surrogateescape"))
