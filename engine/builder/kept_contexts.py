"""Contexts that stay with the engine after a build, so that `wherry build` sends only what has changed since.

    <root>/<key>/tree    the files
    <root>/<key>/list    what the client's own files were when they came; taken away while the tree is changed, so that
                         a tree whose engine died then is nothing that anybody believes

A client lists its files: path, mode, size, times and inode. A file is the one that is here when all of that agrees
(BuildKit looks at less: no inode, no time of change). Files are replaced, never written into: layers may hold them too.
"""

import contextlib
import hashlib
import json
import os
import posixpath
import shutil
import stat
import tarfile
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from engine.builder.tar_stream import Source, opened
from engine.builder.threads import finish
from engine.builder.tree import DEEPEST, MOST, Node, NotPlain, Tree
from engine.builder.unpacking import NEW_FILE, copy_plain
from engine.placement import spread
from proto.errdefs import InvalidArgument

_MOST = 16
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Listed:
    """One of the client's files, folders or links."""

    path: str
    mode: int
    size: int
    mtime: int
    ctime: int
    inode: int
    link: str

    @classmethod
    def of(cls, row: Any) -> "Listed":
        """From the client's list; refused unless it is a plain path of something that a tree holds."""
        if not (isinstance(row, list) and len(row) == 7 and isinstance(row[0], str) and isinstance(row[6], str)):
            raise InvalidArgument("an entry of a context's list is [path, mode, size, mtime, ctime, inode, link]")
        if not all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in row[1:6]):
            raise InvalidArgument(f"the numbers of {row[0]!r} in a context's list are none")
        made = cls(*row)
        parts = made.path.split("/")
        if len(parts) > DEEPEST or any(part in ("", ".", "..") for part in parts) or "\0" in made.path + made.link:
            raise InvalidArgument(f"{made.path!r} is no path in a context")
        if not (made.is_file or stat.S_ISDIR(made.mode) or (stat.S_ISLNK(made.mode) and made.link)):
            raise InvalidArgument(f"{made.path!r} is neither a file nor a folder nor a link")
        return made

    @property
    def is_file(self) -> bool:
        """It has bytes."""
        return stat.S_ISREG(self.mode)

    def identity(self) -> list[Any]:
        """What must agree; of a folder nothing but that it is one: its mode and time are set anew each time."""
        if stat.S_ISDIR(self.mode):
            return []
        return [self.mode, self.size, self.mtime, self.ctime, self.inode, self.link]


class Kept:
    """One kept context, for as long as one client has it. Blocking, but for the properties."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._list = f"{folder}/list"
        os.makedirs(f"{folder}/tree", mode=0o700, exist_ok=True)
        self.root = os.open(f"{folder}/tree", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._wanted: list[Listed] = []
        self._digests: dict[str, str] = {}  # of the files that are here
        self._lacking: list[int] = []
        self.tree: Tree | None = Tree()
        self.digests: dict[int, str] = {}

    def close(self) -> None:
        """Let it go, for the next one."""
        os.close(self.root)

    def compare(self, rows: list[Any]) -> list[int]:
        """Take the client's list, and out of the folder what is not in it; answers the places of files to be sent."""
        if len(rows) > MOST:
            raise InvalidArgument(f"a context's list has at most {MOST} entries: send it as a tar")
        self._wanted = [Listed.of(row) for row in rows]
        known = self._take_list()
        wanted = {one.path: one for one in self._wanted}
        if len(wanted) != len(self._wanted):
            raise InvalidArgument("a path is in a context's list twice")
        for path in sorted(known, reverse=True):  # what is in a folder before the folder
            one = wanted.get(path)
            if one is None or one.identity() != known[path][0]:
                _remove(self.root, path)
                del known[path]
        for one in sorted(self._wanted, key=lambda each: each.path):
            if not one.is_file and one.path not in known:
                self._make(one)
        self._digests = {path: digest for path, (_, digest) in known.items() if digest}
        self._lacking = [n for n, one in enumerate(self._wanted) if one.is_file and one.path not in self._digests]
        return self._lacking

    def _take_list(self) -> dict[str, tuple[list[Any], str]]:
        try:
            with open(self._list) as file:
                known = json.load(file)
            os.unlink(self._list)
        except (FileNotFoundError, ValueError):
            for name in os.listdir(self.root):
                _remove_whole(self.root, name)
            return {}
        return {path: (identity, digest) for path, identity, digest in known}

    def _make(self, one: Listed) -> None:
        with _parent(self.root, one.path) as (folder, name):
            if stat.S_ISLNK(one.mode):
                os.symlink(one.link, name, dir_fd=folder)
            else:
                os.mkdir(name, 0o700, dir_fd=folder)

    def unpack(self, source: Source) -> None:
        """The files that were lacking, each under its place in the list; then all is here, and the tree says so."""
        lacking = set(self._lacking)
        try:
            with opened(source) as tar:
                for entry in tar:
                    number = int(entry.name) if entry.name.isascii() and entry.name.isdigit() else -1
                    if number not in lacking or not entry.isreg():
                        raise InvalidArgument(f"{entry.name[:80]!r} in a context was not asked for")
                    lacking.discard(number)
                    self._take(tar, entry, self._wanted[number])
        except tarfile.TarError as error:
            if str(error) != "empty file":
                raise InvalidArgument(f"Error processing tar file: {error}") from error
        if lacking:
            raise InvalidArgument(f"{len(lacking)} files of the context did not come")
        while source.read(_PIECE):
            pass
        self._finish()

    def _take(self, tar: tarfile.TarFile, entry: tarfile.TarInfo, one: Listed) -> None:
        digest = hashlib.sha256()
        with _parent(self.root, one.path) as (folder, name):
            target = os.open(name, NEW_FILE, 0o600, dir_fd=folder)
            try:
                copy_plain(tar, entry, target, digest)
                os.fchmod(target, stat.S_IMODE(one.mode))
                os.utime(target, ns=(one.mtime, one.mtime))
            finally:
                os.close(target)
        self._digests[one.path] = digest.hexdigest()

    def _finish(self) -> None:
        for one in sorted(self._wanted, key=lambda each: each.path, reverse=True):
            if stat.S_ISDIR(one.mode):
                self._dress(one)
        self.tree = tree = Tree()
        for one in self._wanted:
            node = Node(one.mode, size=one.size, digest=self._digests.get(one.path, ""), link=one.link)
            if stat.S_ISLNK(one.mode):
                node.mode = stat.S_IFLNK | 0o777
            elif one.is_file:
                node.own = f"{self._folder}/tree/{one.path}"
                node.size = os.stat(node.own, follow_symlinks=False).st_size  # it may have grown since it was listed
            try:
                tree.add(one.path, node)
            except NotPlain as error:
                raise InvalidArgument(f"{one.path!r} lies below something that is no folder") from error
        self._keep_list()

    def _dress(self, one: Listed) -> None:
        with _parent(self.root, one.path) as (folder, name):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if (found.st_mode, found.st_mtime_ns) == (one.mode, one.mtime):
                return
            fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                os.fchmod(fd, stat.S_IMODE(one.mode))
                os.utime(fd, ns=(one.mtime, one.mtime))
            finally:
                os.close(fd)

    def _keep_list(self) -> None:
        rows = [[one.path, one.identity(), self._digests.get(one.path, "")] for one in self._wanted]
        with tempfile.NamedTemporaryFile("w", dir=self._folder, delete=False) as file:
            json.dump(rows, file)
        os.rename(file.name, self._list)

    def remove(self, path: str) -> None:
        """Take a file out; the next build must send it again."""
        assert self.tree is not None
        path = posixpath.normpath(f"/{path}").lstrip("/")
        self.tree.remove(path)
        self._wanted = [one for one in self._wanted if one.path != path]
        _remove(self.root, path)
        self._keep_list()

    def bytes_of(self, node: Node, limit: int) -> bytes:
        """A file's first bytes."""
        with open(node.own, "rb") as file:
            return file.read(limit)

    def materialise(self) -> None:
        """It is a folder already."""


class _Closable(Protocol):
    def close(self) -> None: ...


Folder = TypeVar("Folder", bound=_Closable)


class KeptContexts:
    """All of one engine."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._busy: set[str] = set()
        os.makedirs(root, mode=0o700, exist_ok=True)
        spread(root)

    @contextlib.asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Kept]:
        """The one of a key; while another build has it, an empty one that nobody finds again."""
        async with self.opened_as(Kept, key) as kept:
            yield kept

    @contextlib.asynccontextmanager
    async def opened_as(self, kind: Callable[[str], Folder], key: str) -> AsyncIterator[Folder]:
        """The same of another kind, which has keys of its own."""
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        name = digest if digest not in self._busy else tempfile.mkdtemp(prefix="other-", dir=self._root)
        name = os.path.basename(name)
        self._busy.add(name)
        try:
            with contextlib.closing(await finish(kind, f"{self._root}/{name}")) as kept:
                yield kept
        finally:
            self._busy.discard(name)
            if name != digest:
                await finish(self.remove, name)
            elif len(os.listdir(self._root)) > _MOST:
                await finish(self.trim)

    def usage(self) -> list[tuple[str, int, float, bool]]:
        """Name, bytes, last use, and whether a build has it now. Blocking."""
        found = []
        for name in os.listdir(self._root):
            with contextlib.suppress(FileNotFoundError):
                used = os.stat(f"{self._root}/{name}/list").st_mtime
                found.append((name, _size(f"{self._root}/{name}/tree"), used, name in self._busy))
        return found

    def remove(self, name: str) -> bool:
        """Take one away; False while a build has it. Blocking."""
        if name in self._busy:
            return False
        self._busy.add(name)
        try:
            shutil.rmtree(f"{self._root}/{name}", ignore_errors=True)
        finally:
            self._busy.discard(name)
        return True

    def trim(self) -> None:
        """The oldest, where there are many. Blocking."""
        found = []
        for name in os.listdir(self._root):
            with contextlib.suppress(FileNotFoundError):
                found.append((os.stat(f"{self._root}/{name}/list").st_mtime, name))
        for _, name in sorted(found, reverse=True)[_MOST:]:
            self.remove(name)

    def sweep(self) -> None:
        """At the engine's start: trees that nobody can believe; and the oldest, where there are many. Blocking."""
        whole = sorted(self.usage(), key=lambda one: one[2], reverse=True)
        kept = {name for name, _, used, _ in whole[:_MOST] if used > time.time() - 7 * 86400}
        for name in os.listdir(self._root):
            if name not in kept:
                self.remove(name)


def _size(folder: str) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(f"{path}/{name}").st_size
    return total


@contextlib.contextmanager
def _parent(root: int, path: str) -> Iterator[tuple[int, str]]:
    """The open folder that holds a path, each part of it a real folder; the last part."""
    *parts, name = path.split("/")
    folder = os.dup(root)
    try:
        for part in parts:
            try:
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            except OSError as error:
                raise InvalidArgument(f"{path!r} of a context's list lies in no folder of it") from error
            os.close(folder)
            folder = inner
        yield folder, name
    finally:
        os.close(folder)


def _remove(root: int, path: str) -> None:
    with contextlib.suppress(InvalidArgument), _parent(root, path) as (folder, name):
        _remove_whole(folder, name)


def _remove_whole(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        shutil.rmtree(name, dir_fd=folder)
