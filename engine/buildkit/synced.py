"""A context that a session fills, and that stays for the next build of the same folder: only changes are sent.

    <folder>/tree    the files
    <folder>/list    what the client's own were when they came; away while the tree is changed, and believed by the same
                     boot of the machine only: nothing here is synced to the disk

A client lists path, mode, size, time and links; what agrees with what is here is not asked for (fsutil's own rule).
Files are replaced, never written into: layers may hold them too.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
from typing import Any

from engine import kernel
from engine.builder.tree import MOST, Node, Tree
from engine.builder.unpacking import NEW_FILE, write_all
from engine.buildkit.listing import Entry
from proto.errdefs import InvalidArgument

_NO_LINKS = kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_SYMLINKS
_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # with a folder above it, which may be a file or link now
_BLOCK = 1 << 20
_TOO_MUCH = 64 << 20  # what a file may have grown by while it was sent


class Writing:
    """One file that is coming."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._fd = -1
        self._digest = hashlib.sha256()
        self.size = 0

    def add(self, synced: "Synced", data: bytes) -> None:
        """The next bytes; written when there are enough of them."""
        self.size += len(data)
        if self.size > self.entry.size + _TOO_MUCH:
            raise InvalidArgument(
                f"{self.entry.path!r} of a context has grown far beyond the {self.entry.size} bytes listed"
            )
        self._pieces.append(data)
        self._waiting += len(data)
        if self._waiting >= _BLOCK:
            self._write(synced)

    def _write(self, synced: "Synced") -> None:
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self._waiting = [], 0
        if self._fd < 0:
            folder, name = synced.place(self.entry.path)
            self._fd = os.open(name, NEW_FILE, 0o600, dir_fd=folder)
        if data:
            write_all(self._fd, data)
            self._digest.update(data)

    def end(self, synced: "Synced") -> str:
        """All of it is here; answers its digest."""
        self._write(synced)
        try:
            os.fchmod(self._fd, stat.S_IMODE(self.entry.mode))
            _set_attributes(self._fd, self.entry)
            os.utime(self._fd, ns=(self.entry.mtime, self.entry.mtime))
        finally:
            self.close()
        return self._digest.hexdigest()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Synced:
    """One kept context, while one session has it. Blocking, but for the properties."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._list = f"{folder}/list"
        os.makedirs(f"{folder}/tree", mode=0o700, exist_ok=True)
        self.root = os.open(f"{folder}/tree", _FOLDER | os.O_CLOEXEC)
        self._boot = _boot()
        self._changed = False
        self._known = self._read_list()  # path: identity, digest, size
        self._seen: dict[str, tuple[list[Any], str, int]] = {}
        self._order: list[Entry] = []
        self._stirred: set[str] = set()  # folders whose time a change has changed
        self._place_name: str | None = None
        self._place_fd = -1
        self.tree: Tree | None = None
        self.digests: dict[int, str] = {}

    def close(self) -> None:
        """Let it go, for the next one."""
        self._leave()
        os.close(self.root)

    def _read_list(self) -> dict[str, tuple[list[Any], str, int]]:
        try:
            with open(self._list) as file:
                boot, rows = json.load(file)
            if boot != self._boot:
                raise ValueError("of another boot")
            return {path: (identity, digest, size) for path, identity, digest, size in rows}
        except (FileNotFoundError, ValueError):
            for name in os.listdir(self.root):
                _remove(self.root, name)
            self._changed = True
            return {}

    def _touch(self, path: str) -> None:
        """From here on the tree is not what the list says."""
        if not self._changed:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._list)
            self._changed = True
        self._stirred.add(path.rpartition("/")[0])

    def wants(self, entry: Entry) -> bool:
        """The next one of the client's list: what is here and differs goes; answers whether its bytes are lacking."""
        known = self._known.pop(entry.path, None)
        self._order.append(entry)
        identity = entry.identity()
        if known is not None and known[0] == identity:
            self._seen[entry.path] = known
            return False
        self._touch(entry.path)
        if known is not None and not (entry.is_folder and stat.S_ISDIR(known[0][0])):
            self._remove(entry.path)
            known = None
        if known is None and not entry.has_bytes and not (entry.link and stat.S_ISREG(entry.mode)):
            self._make(entry)
        if entry.is_folder:
            self._stirred.add(entry.path)
        self._seen[entry.path] = (identity, "", entry.size)
        return entry.has_bytes

    def _remove(self, path: str) -> None:
        """What lay below goes with it, and is still known: nothing below it can be listed, and `finish` clears up."""
        folder, name = self.place(path)
        _remove(folder, name)

    def _make(self, entry: Entry) -> None:
        folder, name = self.place(entry.path)
        if entry.is_folder:
            os.mkdir(name, 0o700, dir_fd=folder)
        elif stat.S_ISLNK(entry.mode):
            os.symlink(entry.link, name, dir_fd=folder)
        else:
            os.mkfifo(name, stat.S_IMODE(entry.mode), dir_fd=folder)

    def place(self, path: str) -> tuple[int, str]:
        """The open folder that a path lies in, until the next one is asked for; its name there."""
        folder, _, name = path.rpartition("/")
        if folder != self._place_name:
            self._leave()
            self._place_fd = kernel.openat2(self.root, folder or ".", _FOLDER, resolve=_NO_LINKS)
            self._place_name = folder
        return self._place_fd, name

    def _leave(self) -> None:
        if self._place_fd >= 0:
            os.close(self._place_fd)
        self._place_name, self._place_fd = None, -1

    def keep(self, entry: Entry, digest: str, size: int) -> None:
        """A file that was lacking is here."""
        self._seen[entry.path] = (entry.identity(), digest, size)

    def finish(self) -> None:
        """All is here: what the client has no more goes, folders get their modes and times, the list is kept."""
        for path in sorted(self._known, reverse=True):
            self._touch(path)
            try:
                folder, name = self.place(path)
            except OSError as error:
                if error.errno not in _GONE:
                    raise
            else:
                _remove(folder, name)
        self._known.clear()
        if self._changed:
            self._link()
            self._dress()
            self._keep_list()
        else:
            os.utime(self._list)
        self._leave()
        if len(self._order) < MOST and all(entry.is_plain for entry in self._order):
            self.tree = self._tree()
        else:
            self._note_digests()

    def _link(self) -> None:
        """More names of files, which may have been replaced."""
        for entry in self._order:
            if entry.link and stat.S_ISREG(entry.mode):
                self._stirred.add(entry.path.rpartition("/")[0])
                folder, name = self.place(entry.path)
                _remove(folder, name)
                source = kernel.openat2(self.root, entry.link, os.O_PATH | os.O_NOFOLLOW, resolve=_NO_LINKS)
                try:
                    os.link(f"/proc/self/fd/{source}", name, dst_dir_fd=folder, follow_symlinks=True)
                finally:
                    os.close(source)

    def _dress(self) -> None:
        for entry in reversed(self._order):
            if not (entry.is_folder and entry.path in self._stirred):
                continue
            folder, name = self.place(entry.path)
            fd = os.open(name, _FOLDER | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                os.fchmod(fd, stat.S_IMODE(entry.mode))
                _set_attributes(fd, entry)
                os.utime(fd, ns=(entry.mtime, entry.mtime))
            finally:
                os.close(fd)

    def _keep_list(self) -> None:
        rows = [[path, *seen] for path, seen in self._seen.items()]
        with tempfile.NamedTemporaryFile("w", dir=self._folder, delete=False) as file:
            file.write(json.dumps([self._boot, rows]))
        os.rename(file.name, self._list)

    def _tree(self) -> Tree:
        tree = Tree()
        folders = {"": tree.root}
        base = f"{self._folder}/tree/"
        for entry in self._order:
            node = Node(entry.mode, mtime=entry.mtime / 1e9)
            if entry.is_folder:
                folders[entry.path] = node
            elif entry.has_bytes:
                _, node.digest, node.size = self._seen[entry.path]
                node.own = base + entry.path
            else:
                node.link = entry.link
            folder, _, name = entry.path.rpartition("/")
            folders[folder].children[name] = node
        return tree

    def _note_digests(self) -> None:
        for entry in self._order:
            if entry.has_bytes:
                folder, name = self.place(entry.path)
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                self.digests[found.st_ino] = self._seen[entry.path][1]
        self._leave()

    def remove(self, path: str) -> None:
        """Take a file out; the next build must send it again."""
        self._touch(path)
        folder, name = self.place(path)
        _remove(folder, name)
        self._leave()
        if self.tree is not None:
            self.tree.remove(path)
        self._seen.pop(path, None)
        self._keep_list()

    def bytes_of(self, node: Node, limit: int) -> bytes:
        """A file's first bytes."""
        with open(node.own, "rb") as file:
            return file.read(limit)

    def materialise(self) -> None:
        """It is a folder already."""


def _remove(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        shutil.rmtree(name, dir_fd=folder)


def _set_attributes(fd: int, entry: Entry) -> None:
    for name, value in json.loads(entry.attributes or "{}").items():
        with contextlib.suppress(OSError):  # what the file system cannot have, as with a tar's
            os.setxattr(fd, name, bytes.fromhex(value))


def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()
