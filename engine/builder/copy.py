"""COPY and ADD as deeds: files from one tree into another, both reached only through their roots' fds.

Names below the target are resolved by openat2(2) inside of it, so a link in an image never leads a copy outside
(and one in the context never leads a read outside). Modes, times, links and xattrs come along; owners on request.
"""

import contextlib
import os
import posixpath
import stat
import tarfile
from dataclasses import dataclass, field

from engine import kernel
from engine.builder.ignore import Ignore
from engine.builder.late_links import LateLinks, Place, path_of
from engine.builder.modes import Mode
from engine.builder.sources import Source, listed
from engine.containers.tar_in import TarReader
from proto.errdefs import InvalidArgument

Owner = tuple[int, int]
_PIECE = 8 << 20
_MAX_LINKS = 40


@dataclass(frozen=True, slots=True)
class Rules:
    """How an instruction wants its copies."""

    owner: Owner | None = (0, 0)  # None: as in the source
    mode: Mode | None = None
    unpack: bool = False
    excludes: tuple[str, ...] = ()
    parents: bool = False
    archives: Owner | None = None  # of what is unpacked; None: as in the archive

    def mode_of(self, mode: int) -> int:
        """The permissions that a copy of a thing of this mode gets."""
        return stat.S_IMODE(mode) if self.mode is None else self.mode.of(mode)


@dataclass(slots=True)
class Copier:
    """One instruction's copies."""

    source: int
    target: int
    rules: Rules
    links: LateLinks | None = None  # files need no copies, where it takes them
    _ignore: Ignore | None = None
    _seen: dict[tuple[int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rules.excludes:
            self._ignore = Ignore(list(self.rules.excludes))
        if self.links is not None:
            self.links.copy = self._file

    def copy(self, sources: list[Source], destination: str) -> None:
        """Copy everything to an absolute path; one that ends with a slash is a folder."""
        for source in sources:
            if self.rules.parents:
                self._with_parents(source, destination)
            elif source.is_folder:
                self._folder(source, destination)
            elif self.rules.unpack and self._is_archive(source):
                self._unpack(source, destination)
            else:
                self._one(source, destination)

    def _folder(self, source: Source, destination: str) -> None:
        os.close(self.make_folders(destination))
        fd = kernel.openat2(self.source, source.path, os.O_PATH | os.O_DIRECTORY)
        try:
            self._below(fd, "", destination)
        finally:
            os.close(fd)

    def _with_parents(self, source: Source, destination: str) -> None:
        """The folders above a source are made like those they come from; a folder is copied as itself."""
        kept = source.parents.split("/") if source.parents else []
        whole = source.path.split("/")
        os.close(self.make_folders(destination))
        for depth in range(len(kept)):
            origin = kernel.openat2(
                self.source, "/".join(whole[: len(whole) - len(kept) + depth]), os.O_PATH | os.O_DIRECTORY
            )
            try:
                self._like(origin, destination, "/".join(kept[: depth + 1]))
            finally:
                os.close(origin)
        place = posixpath.join(destination, source.parents)
        if not source.is_folder:
            self._one(source, f"{place.rstrip('/')}/")
            return
        name = "" if source.path == "." else posixpath.basename(source.path)
        if name:
            fd = kernel.openat2(self.source, source.path, os.O_PATH | os.O_DIRECTORY)
            try:
                self._like(fd, place, name)
            finally:
                os.close(fd)
        self._folder(source, posixpath.join(place, name))

    def _like(self, fd: int, folder: str, name: str) -> None:
        """A folder with the mode of another, where there is none."""
        path = posixpath.join(folder, name)
        if self._is_folder(path):
            return
        parent = self.make_folders(posixpath.dirname(path))
        try:
            self._place(fd, parent, posixpath.basename(path), path)
        finally:
            os.close(parent)

    def _below(self, folder: int, prefix: str, destination: str) -> None:
        parent, place = -1, None
        try:
            for name in listed(folder):
                path = f"{prefix}{name}"
                fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                try:
                    is_folder = stat.S_ISDIR(os.fstat(fd).st_mode)
                    excluded = self._ignore is not None and self._ignore.excludes(path)
                    if not excluded:
                        if parent < 0:
                            parent = self.make_folders(destination)
                            place = self.links.place(path_of(folder), parent) if self.links is not None else None
                        self._place(fd, parent, name, f"{destination.rstrip('/')}/{name}", place, name)
                    if is_folder and (not excluded or (self._ignore is not None and self._ignore.has_exclusions)):
                        self._below(fd, f"{path}/", posixpath.join(destination, name))
                        if not excluded:
                            self._times(fd, posixpath.join(destination, name))
                finally:
                    os.close(fd)
        finally:
            if parent >= 0:
                os.close(parent)

    def _one(self, source: Source, destination: str) -> None:
        if destination.endswith("/") or self._is_folder(destination):
            path = posixpath.join(destination, posixpath.basename(source.path))
        else:
            path = self._through_links(destination)
        parent = self.make_folders(posixpath.dirname(path))
        fd = kernel.openat2(self.source, source.path, os.O_PATH)
        try:
            place = self.links.place(posixpath.dirname(path_of(fd)), parent) if self.links is not None else None
            origin = posixpath.basename(path_of(fd)) if place is not None else ""
            self._place(fd, parent, posixpath.basename(path), path, place, origin)
        finally:
            os.close(fd)
            os.close(parent)

    def _is_folder(self, path: str) -> bool:
        try:
            os.close(kernel.openat2(self.target, path, os.O_PATH | os.O_DIRECTORY))
        except OSError:
            return False
        return True

    def _through_links(self, path: str) -> str:
        """Where a destination that is a link leads to, inside of the root."""
        for _ in range(_MAX_LINKS):
            try:
                fd = kernel.openat2(self.target, path, os.O_PATH | os.O_NOFOLLOW)
            except OSError:
                return path
            try:
                if not stat.S_ISLNK(os.fstat(fd).st_mode):
                    return path
                path = posixpath.join(posixpath.dirname(path), os.readlink("", dir_fd=fd))
            finally:
                os.close(fd)
        raise InvalidArgument(f"{path}: too many links")

    def make_folders(self, path: str, links: int = 0) -> int:
        """mkdir -p inside of the root, through links that lead nowhere too; new folders get the owner. An fd."""
        current = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.target)
        done = ""
        for part in (part for part in path.split("/") if part not in ("", ".")):
            done = f"{done}/{part}"
            parent, current = current, -1
            try:
                current = self._enter(parent, part, done, links)
            finally:
                os.close(parent)
        return current

    def _enter(self, parent: int, part: str, path: str, links: int) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY
        try:
            return kernel.openat2(self.target, path, flags)
        except FileNotFoundError:
            try:
                os.mkdir(part, 0o755, dir_fd=parent)
            except FileExistsError:  # a link to nowhere
                if links == _MAX_LINKS:
                    raise InvalidArgument(f"{path}: too many links") from None
                target = posixpath.join(posixpath.dirname(path), os.readlink(part, dir_fd=parent))
                return self.make_folders(target, links + 1)
            fd = kernel.openat2(self.target, path, flags)
            os.fchown(fd, *(self.rules.owner or (0, 0)))
            os.fchmod(fd, self.rules.mode_of(stat.S_IFDIR | 0o755))
            return fd
        except NotADirectoryError:
            raise InvalidArgument(f"cannot make the folder {path}: not a directory") from None

    def _place(self, fd: int, parent: int, name: str, path: str, place: Place | None = None, origin: str = "") -> None:
        """`place`: where a link would do, to the file `origin` there."""
        found = os.fstat(fd)
        if not self._make_room(parent, name, stat.S_ISDIR(found.st_mode)):
            self._finish(fd, found, parent, name)
            return
        identity = (found.st_dev, found.st_ino)
        if stat.S_ISREG(found.st_mode):
            if self.links is not None and place is not None and self._is_as_wanted(found):
                self.links.take(place, name, origin)
                return
            if found.st_nlink > 1 and identity in self._seen and self._link(self._seen[identity], parent, name):
                return
            self._file(fd, found, parent, name)
            self._seen[identity] = path
            return
        if stat.S_ISDIR(found.st_mode):
            os.mkdir(name, 0o755, dir_fd=parent)
        elif stat.S_ISLNK(found.st_mode):
            os.symlink(os.readlink("", dir_fd=fd), name, dir_fd=parent)
        elif stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
            os.mknod(name, stat.S_IFMT(found.st_mode) | 0o600, found.st_rdev, dir_fd=parent)
        else:
            return  # sockets are nobody's content
        self._finish(fd, found, parent, name)

    def _make_room(self, parent: int, name: str, is_folder: bool) -> bool:
        """False where a folder is wanted and there is one."""
        try:
            there = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return True
        if stat.S_ISDIR(there.st_mode):
            if is_folder:
                return False
            raise InvalidArgument(f"cannot copy to non-directory: {name} is a directory there")
        if is_folder:
            raise InvalidArgument(f"cannot copy a directory over {name}, which is none")
        os.unlink(name, dir_fd=parent)
        return True

    def _file(self, fd: int, found: os.stat_result, parent: int, name: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        source = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            target = os.open(name, flags, 0o600, dir_fd=parent)
            try:
                transfer(source, target)
                self._xattrs(source, target)
                os.fchown(target, *self._ids(found))
                os.fchmod(target, self.rules.mode_of(found.st_mode))
                os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
            finally:
                os.close(target)
        finally:
            os.close(source)

    def _xattrs(self, source: int, target: int) -> None:
        for name in os.listxattr(source):
            if name.startswith("user.") or name == "security.capability":
                with contextlib.suppress(OSError):  # the file system below may not have them
                    os.setxattr(target, name, os.getxattr(source, name))

    def _link(self, earlier: str, parent: int, name: str) -> bool:
        folder = kernel.openat2(self.target, posixpath.dirname(earlier), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.link(posixpath.basename(earlier), name, src_dir_fd=folder, dst_dir_fd=parent, follow_symlinks=False)
        except OSError:
            return False
        finally:
            os.close(folder)
        return True

    def _finish(self, fd: int, found: os.stat_result, parent: int, name: str) -> None:
        os.chown(name, *self._ids(found), dir_fd=parent, follow_symlinks=False)
        if not stat.S_ISLNK(found.st_mode):
            made = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
            try:
                os.chmod(f"/proc/self/fd/{made}", self.rules.mode_of(found.st_mode))
            finally:
                os.close(made)
        os.utime(name, ns=(found.st_atime_ns, found.st_mtime_ns), dir_fd=parent, follow_symlinks=False)

    def _times(self, fd: int, path: str) -> None:
        found = os.fstat(fd)
        target = kernel.openat2(self.target, path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
        finally:
            os.close(target)

    def _is_as_wanted(self, found: os.stat_result) -> bool:
        """Alone, and needs neither another owner nor another mode."""
        mode = stat.S_IMODE(found.st_mode)
        owner = (found.st_uid, found.st_gid)
        return found.st_nlink == 1 and self._ids(found) == owner and self.rules.mode_of(found.st_mode) == mode

    def _ids(self, found: os.stat_result) -> Owner:
        return self.rules.owner if self.rules.owner is not None else (found.st_uid, found.st_gid)

    def _is_archive(self, source: Source) -> bool:
        fd = kernel.openat2(self.source, source.path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            try:
                with tarfile.open(fileobj=file, mode="r|*") as tar:
                    return tar.next() is not None
            except (tarfile.TarError, EOFError, OSError):
                return False

    def _unpack(self, source: Source, destination: str) -> None:
        os.close(self.make_folders(destination))
        fd = kernel.openat2(self.source, source.path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            TarReader(self.target, destination.rstrip("/"), owner=self.rules.archives).extract(file)


def transfer(source: int, target: int) -> None:
    """The bytes, by the kernel where it can."""
    try:
        while os.copy_file_range(source, target, _PIECE):
            pass
        return
    except OSError:
        os.lseek(source, 0, os.SEEK_SET)
        os.ftruncate(target, 0)
        os.lseek(target, 0, os.SEEK_SET)
    while piece := os.read(source, 1 << 20):
        view = memoryview(piece)
        while view:
            view = view[os.write(target, view) :]
