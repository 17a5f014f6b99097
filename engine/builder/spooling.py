"""A context as it arrives: its bytes into one file, what they are into a tree in memory, and a folder only on demand.

Making a file costs more than writing it, and a step that is cached needs none. Large files get a file of their own at
once, which is moved to its place when the folder is made: nothing large is written twice. From the first entry on that
a tree cannot tell of (hard links, devices, attributes, one name twice), all goes straight into the folder.
"""

import hashlib
import os
import stat
import tarfile

from engine.builder.tar_stream import all_data_of
from engine.builder.tree import Node, NotPlain, Tree
from engine.builder.unpacking import NEW_FILE, Unpacker, copy_plain, write_all

_LARGE = 256 << 10
_ENOUGH = 1 << 20


class Spooler(Unpacker):
    """Takes one context; `folder` is a private one on the disk, `root` an fd of the empty one that is to hold it."""

    def __init__(self, folder: str, root: int) -> None:
        super().__init__(root)
        self.tree: Tree | None = Tree()
        self._large = f"{folder}/large"
        self._larges = 0
        self._small = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._size = 0  # of what is written
        self._waiting = bytearray()

    def close(self) -> None:
        """Let the bytes go."""
        os.close(self._small)

    def _entry(self, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        if self.tree is not None:
            try:
                self._note(self.tree, tar, entry)
                return
            except NotPlain:
                self.materialise()
        super()._entry(tar, entry)

    def _note(self, tree: Tree, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        """Nothing of the entry's data is read before it is clear that the tree can hold it."""
        if any(key.startswith("SCHILY.xattr.") for key in entry.pax_headers):
            raise NotPlain
        node = Node(entry.mode & 0o7777, *self._ids(entry), mtime=entry.mtime)
        if entry.isdir():
            node.mode |= stat.S_IFDIR
            tree.add(entry.name, node)
            self._folders.append((self._path(entry), entry))
        elif entry.issym():
            node.mode = stat.S_IFLNK | 0o777
            node.link = entry.linkname
            tree.add(entry.name, node)
        elif entry.isreg() and not entry.issparse():
            node.mode |= stat.S_IFREG
            node.size = entry.size
            tree.add(entry.name, node)
            self._keep(tar, entry, node)
        else:
            raise NotPlain

    def _keep(self, tar: tarfile.TarFile, entry: tarfile.TarInfo, node: Node) -> None:
        if entry.size < _LARGE:
            data = all_data_of(tar, entry.size)
            node.place = self._size + len(self._waiting)
            node.digest = hashlib.sha256(data).hexdigest()
            self._waiting += data
            if len(self._waiting) >= _ENOUGH:
                self._flush()
            return
        digest = hashlib.sha256()
        node.own = self._new_name()
        target = os.open(node.own, NEW_FILE, 0o600)
        try:
            copy_plain(tar, entry, target, digest)
        finally:
            os.close(target)
        node.digest = digest.hexdigest()

    def _flush(self) -> None:
        write_all(self._small, self._waiting)
        self._size += len(self._waiting)
        self._waiting.clear()

    def _new_name(self) -> str:
        if not self._larges:
            os.mkdir(self._large, 0o700)
        self._larges += 1
        return f"{self._large}/{self._larges}"

    def bytes_of(self, node: Node, limit: int) -> bytes:
        """A file's first bytes."""
        if not node.own:
            self._flush()
            return os.pread(self._small, min(node.size, limit), node.place)
        with open(node.own, "rb") as file:
            return file.read(limit)

    def remove(self, path: str) -> None:
        """Take a file out, before there is a folder."""
        assert self.tree is not None
        self.tree.remove(path)

    def materialise(self) -> None:
        """Make the folder."""
        if self.tree is None:
            return
        self._flush()
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._root)
        try:
            self._make(folder, self.tree.root)
        finally:
            os.close(folder)
        self.tree = None

    def _make(self, folder: int, node: Node) -> None:
        for name, child in node.children.items():
            if child.is_folder:
                os.mkdir(name, 0o755, dir_fd=folder)
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                try:
                    self._make(inner, child)
                finally:
                    os.close(inner)
            elif stat.S_ISREG(child.mode):
                self._make_file(folder, name, child)
            else:
                os.symlink(child.link, name, dir_fd=folder)
                os.chown(name, child.uid, child.gid, dir_fd=folder, follow_symlinks=False)
        if node.mtime >= 0:
            _finish(folder, node)

    def _make_file(self, folder: int, name: str, node: Node) -> None:
        if node.own:
            os.rename(node.own, name, dst_dir_fd=folder)
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        else:
            fd = os.open(name, NEW_FILE, 0o600, dir_fd=folder)
        try:
            if not node.own and node.size:
                write_all(fd, os.pread(self._small, node.size, node.place))
            self.digests[_finish(fd, node)] = node.digest
        finally:
            os.close(fd)


def _finish(fd: int, node: Node) -> int:
    """Owner, mode and time as they came; the inode's number."""
    found = os.fstat(fd)
    if (found.st_uid, found.st_gid) != (node.uid, node.gid):
        os.fchown(fd, node.uid, node.gid)
    os.fchmod(fd, stat.S_IMODE(node.mode))
    os.utime(fd, (node.mtime, node.mtime))
    return found.st_ino
