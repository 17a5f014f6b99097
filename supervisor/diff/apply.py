"""Apply: a layer's blob onto a snapshot's mounts; what comes back describes the plain tar, so that its digest is the
diff id.

    blob ─▶ inflate ─▶ hash (a thread of their own) ─▶ tar reader ─▶ layer writer ─▶ upperdir

What follows the archive's end is read and hashed as well. A layer that fails leaves a half-written snapshot, which
the caller, who made it, removes; nothing else is touched.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence

from proto.errdefs import InvalidArgument
from supervisor.content.threads import Stop
from supervisor.core.content import ReaderAt
from supervisor.core.digests import Descriptor
from supervisor.core.snapshots import Mount
from supervisor.diff import compression, linux, mounts
from supervisor.diff.implicit_folders import ImplicitFolders
from supervisor.diff.layer_writer import LayerWriter, disk_fault
from supervisor.diff.tar_reader import TarReader
from supervisor.diff.tree import Tree

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
_READ = 1 << 18

Progress = Callable[[int], None]


class _Meter:
    """Counts and hashes the plain bytes on their way."""

    def __init__(self) -> None:
        self._size = 0
        self._digest = hashlib.sha256()

    def through(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._digest.update(chunk)
            self._size += len(chunk)
            yield chunk

    def descriptor(self) -> Descriptor:
        """Of all that went through: once there is nothing more to come."""
        return Descriptor(OCI_LAYER, f"sha256:{self._digest.hexdigest()}", self._size)


def apply(
    blob: ReaderAt,
    media_type: str,
    target: Sequence[Mount],
    *,
    sync: bool = False,
    progress: Progress | None = None,
    stop: Stop | None = None,
    implicit: ImplicitFolders | None = None,
) -> Descriptor:
    """Unpack a blob onto mounts; blocking, and long: call it from a thread.

    `implicit`, for an upperdir whose lower layers are not there yet, notes what will have to be copied up from them.
    """
    kind = compression.compression_of(media_type)
    raw = _chunks(blob, progress, stop or Stop())
    meter = _Meter()
    with compression.ReadAhead(meter.through(compression.decompress(raw) if kind else raw)) as plain:
        _apply(iter(plain), target, sync=sync, implicit=implicit)
    return meter.descriptor()


def apply_tar(
    plain: Iterator[bytes], target: Sequence[Mount], *, implicit: ImplicitFolders | None = None
) -> Descriptor:
    """Unpack a plain tar stream onto mounts."""
    meter = _Meter()
    _apply(meter.through(plain), target, sync=False, implicit=implicit)
    return meter.descriptor()


def _apply(plain: Iterator[bytes], target: Sequence[Mount], *, sync: bool, implicit: ImplicitFolders | None) -> None:
    """To the last byte: what follows the archive's end is read, too."""
    if not target:
        raise InvalidArgument("no mounts to apply to: invalid argument")
    reader = TarReader(plain)
    overlay = mounts.overlay_folders(target)
    try:
        root = mounts.open_folder(overlay[0]) if overlay else mounts.open_root(target)
    except OSError as error:
        raise disk_fault(error, os.fsencode(target[0].source)) from error
    try:
        _write(root, reader, overlay, implicit)
        if sync:
            linux.syncfs(root)
    finally:
        os.close(root)
    reader.drain()


def _write(
    root: int, reader: TarReader, overlay: tuple[str, list[str]] | None, implicit: ImplicitFolders | None
) -> None:
    fresh = not os.listdir(root)
    tree = Tree(root, overlay[1] if overlay else (), implicit)
    try:
        LayerWriter(tree, reader, overlay=overlay is not None, fresh=fresh).write_all()
    except BaseException as error:
        if fresh:
            _empty(tree, root, error)
        raise
    finally:
        tree.close()


def _empty(tree: Tree, root: int, error: BaseException) -> None:
    try:
        for name in os.listdir(root):
            tree.clear(root, os.fsencode(name))
    except OSError as second:
        error.add_note(f"and what was written could not be removed: {second}")


def _chunks(blob: ReaderAt, progress: Progress | None, stop: Stop) -> Iterator[bytes]:
    offset = 0
    while data := blob.read_at(offset, _READ):
        stop.check()
        if progress is not None:
            progress(offset)
        yield data
        offset += len(data)
    if progress is not None:
        progress(offset)
