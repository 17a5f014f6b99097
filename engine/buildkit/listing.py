"""What a client says that its folder holds: fsutil's STATs, one at a time, in order, believed of nothing. Pure.

A path follows the one before in the order of a walk (a folder's content right after it, names in the order of their
bytes), and lies in a folder that was listed. So no path is there twice, none leads out, and none passes a link.
"""

import json
import os
import stat
from dataclasses import dataclass

from proto.buildkit.types import fsutil_pb2
from proto.errdefs import InvalidArgument, ResourceExhausted

MOST, DEEPEST = 1_000_000, 256
_LONGEST_PATH, _LONGEST_NAME = 4095, 255
_FOLDER, _LINK, _DEVICE, _PIPE, _SOCKET = 1 << 31, 1 << 27, 1 << 26, 1 << 25, 1 << 24  # as Go's os.FileMode has them
_SETUID, _SETGID, _CHARACTER, _STICKY, _IRREGULAR = 1 << 23, 1 << 22, 1 << 21, 1 << 20, 1 << 19
_KINDS = _FOLDER | _LINK | _DEVICE | _PIPE | _SOCKET | _CHARACTER | _IRREGULAR


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder, link or pipe."""

    path: str
    mode: int  # as the kernel has it
    size: int
    mtime: int  # nanoseconds
    link: str = ""  # where a symbolic link leads; the path of the same file before, where it is another name of it
    attributes: str = ""  # extended ones, as JSON

    @property
    def is_folder(self) -> bool:
        """It holds others."""
        return stat.S_ISDIR(self.mode)

    @property
    def has_bytes(self) -> bool:
        """Its content can be asked for, and is nowhere else."""
        return stat.S_ISREG(self.mode) and not self.link

    @property
    def is_plain(self) -> bool:
        """A context's tree in memory can tell all of it."""
        known = stat.S_ISREG(self.mode) and not self.link
        return (known or self.is_folder or stat.S_ISLNK(self.mode)) and not self.attributes

    def identity(self) -> list[object]:
        """What must agree for it to be the one that is here."""
        size = 0 if self.is_folder else self.size
        return [self.mode, size, self.mtime, self.link, self.attributes]


class Listing:
    """One folder's, as it comes."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._parents: list[list[str]] = [["", ""]]  # each open folder, and the last name in it
        self._files: set[str] = set()

    def add(self, found: fsutil_pb2.Stat) -> Entry:
        """The next one; refused unless it may stand there."""
        if len(self.entries) >= MOST:
            raise ResourceExhausted(f"a context has at most {MOST} files and folders")
        mode = _mode(found.path, found.mode)
        self._place(found.path, is_folder=stat.S_ISDIR(mode))
        entry = Entry(
            found.path,
            mode,
            found.size,
            found.modTime,
            self._link(found, mode),
            _attributes(found) if found.xattrs else "",
        )
        if found.size < 0:
            raise InvalidArgument(f"{_shown(found.path)} of a context has {found.size} bytes")
        if entry.has_bytes:
            self._files.add(entry.path)
        self.entries.append(entry)
        return entry

    def _place(self, path: str, *, is_folder: bool) -> None:
        folder, _, name = path.rpartition("/")
        if name in ("", ".", "..") or "\0" in path or len(os.fsencode(name)) > _LONGEST_NAME or path.startswith("/"):
            raise InvalidArgument(f"{_shown(path)} is no path in a context")
        parents = self._parents
        depth = next((depth for depth in range(len(parents) - 1, -1, -1) if parents[depth][0] == folder), -1)
        if depth < 0:
            raise InvalidArgument(f"{_shown(path)} of a context lies in no folder that was listed before it")
        del parents[depth + 1 :]
        if os.fsencode(parents[-1][1]) >= os.fsencode(name):
            raise InvalidArgument(f"{_shown(path)} of a context is out of order, after {_shown(parents[-1][1])}")
        parents[-1][1] = name
        if is_folder:
            if len(parents) > DEEPEST or len(os.fsencode(path)) > _LONGEST_PATH:
                raise InvalidArgument(f"{_shown(path)} of a context lies too deep")
            parents.append([path, ""])

    def _link(self, found: fsutil_pb2.Stat, mode: int) -> str:
        link = found.linkname
        if "\0" in link or len(os.fsencode(link)) > _LONGEST_PATH:
            raise InvalidArgument(f"{_shown(found.path)} of a context leads nowhere")
        if stat.S_ISLNK(mode):
            if not link:
                raise InvalidArgument(f"the link {_shown(found.path)} of a context leads nowhere")
            return link
        if link and not stat.S_ISREG(mode):
            raise InvalidArgument(f"{_shown(found.path)} of a context is no file, and has another name")
        if link and link not in self._files:
            raise InvalidArgument(
                f"{_shown(found.path)} of a context is the same file as {_shown(link)}, which was not listed before it"
            )
        return link


def _mode(path: str, mode: int) -> int:
    """Go's mode as the kernel's."""
    kind = mode & _KINDS
    bits = mode & 0o777
    bits |= (stat.S_ISUID if mode & _SETUID else 0) | (stat.S_ISGID if mode & _SETGID else 0)
    bits |= stat.S_ISVTX if mode & _STICKY else 0
    if kind == _LINK:
        return stat.S_IFLNK | 0o777
    kinds = {0: stat.S_IFREG, _FOLDER: stat.S_IFDIR, _PIPE: stat.S_IFIFO}
    if kind not in kinds:
        raise InvalidArgument(f"{_shown(path)} of a context is a device, which no build can have")
    return kinds[kind] | bits


def _attributes(found: fsutil_pb2.Stat) -> str:
    """Capabilities and the user's own, as from a tar."""
    kept = {
        name: value.hex()
        for name, value in found.xattrs.items()
        if name == "security.capability" or name.startswith("user.")
    }
    return json.dumps(kept, sort_keys=True) if kept else ""


def _shown(path: str) -> str:
    return repr(path[:200])
