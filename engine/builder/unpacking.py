"""A context's tar onto the disk, every file digested on its way there, so that no step needs to read it again.

Most entries are files in the folder of the entry before: its descriptor is kept, and names are looked up once. What is
not plain goes the ordinary way of `TarReader`, and may have changed what a path means, so the folder is looked up anew.
"""

import hashlib
import os
import tarfile
from collections.abc import Mapping

from engine.builder.tar_stream import Source, data_of, opened
from engine.containers.tar_in import TarReader, set_attributes
from proto.errdefs import InvalidArgument

_PIECE = 1 << 20
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

Digests = Mapping[int, str]  # of files, by their inodes' numbers


class Unpacker(TarReader):
    """Extracts one context; `digests` has what was written."""

    def __init__(self, root: int) -> None:
        super().__init__(root, "/")
        self.digests: dict[int, str] = {}
        self._place_name: str | None = None
        self._place_fd = -1

    def unpack(self, source: Source) -> None:
        """All entries, and what clients pad an archive with."""
        try:
            with opened(source) as tar:
                self.entries(tar)
        except tarfile.TarError as error:
            if str(error) == "empty file":
                return  # a context without anything is told of by what it lacks
            raise InvalidArgument(f"Error processing tar file: {error}") from error
        finally:
            self._leave()
        while source.read(_PIECE):
            pass

    def _entry(self, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        folder, _, base = entry.name.rpartition("/")
        plain = entry.isreg() and base not in ("", ".", "..")
        if plain and folder == self._place_name:
            try:
                self._write(tar, entry, os.open(base, NEW_FILE, 0o600, dir_fd=self._place_fd))
                return
            except FileExistsError:
                pass
        self._leave()
        super()._entry(tar, entry)
        if plain:
            self._place_fd = self.folder_of(entry)
            self._place_name = folder

    def _leave(self) -> None:
        if self._place_fd >= 0:
            os.close(self._place_fd)
        self._place_name, self._place_fd = None, -1

    def _file(self, tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: int, base: str) -> None:
        self._write(tar, entry, os.open(base, NEW_FILE, 0o600, dir_fd=folder))

    def _write(self, tar: tarfile.TarFile, entry: tarfile.TarInfo, target: int) -> None:
        try:
            digest = hashlib.sha256()
            if entry.issparse():
                self._sparse(tar, entry, target, digest)
            else:
                copy_plain(tar, entry, target, digest)
            os.fchown(target, *self._ids(entry))
            os.fchmod(target, entry.mode & 0o7777)
            set_attributes(target, entry)
            os.utime(target, (entry.mtime, entry.mtime))
            self.digests[os.fstat(target).st_ino] = digest.hexdigest()
        finally:
            os.close(target)

    def _sparse(self, tar: tarfile.TarFile, entry: tarfile.TarInfo, target: int, digest: "hashlib._Hash") -> None:
        source = tar.extractfile(entry)
        assert source is not None
        while piece := source.read(_PIECE):
            write_all(target, piece)
            digest.update(piece)


def copy_plain(tar: tarfile.TarFile, entry: tarfile.TarInfo, target: int, digest: "hashlib._Hash") -> None:
    """Straight from the stream, which stands where the entry's data begins."""
    left = entry.size
    while left:
        piece = data_of(tar, left)
        left -= len(piece)
        write_all(target, piece)
        digest.update(piece)


def write_all(fd: int, data: bytes | bytearray) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])
