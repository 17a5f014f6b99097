"""Compare: two sets of mounts → a layer in the content store, with the label that says what it is when inflated."""

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from proto.errdefs import AlreadyExists, Fault, NotFound, Unimplemented
from supervisor.content.hashing import BesideHash
from supervisor.content.threads import Stop
from supervisor.core.content import ContentStore, ContentWriter, Info
from supervisor.core.digests import Descriptor
from supervisor.core.labels import UNCOMPRESSED
from supervisor.core.snapshots import Mount
from supervisor.diff import mounts
from supervisor.diff.apply import OCI_LAYER
from supervisor.diff.changes import changes
from supervisor.diff.compression import compressor
from supervisor.diff.gathering import Gathered
from supervisor.diff.layer_archive import LayerArchive
from supervisor.diff.layer_writer import disk_fault

_COMPRESSIONS = {OCI_LAYER: "", OCI_LAYER + "+gzip": "gzip", OCI_LAYER + "+zstd": "zstd"}


def write_diff(
    lower: Sequence[Mount], upper: Sequence[Mount], write: Callable[[bytes], object], latest: int | None = None
) -> None:
    """Write the tar of what `upper` has over `lower`."""
    with _open(lower) as left, _open(upper) as right, _upperdir(lower, upper) as own:
        LayerArchive(right, write, latest).write_all(changes(left, right, own))


@contextmanager
def _open(what: Sequence[Mount]) -> Iterator[int]:
    fd = mounts.open_root(what, read_only=True)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _upperdir(lower: Sequence[Mount], upper: Sequence[Mount]) -> Iterator[int]:
    """The upperdir, when the lower mounts are just what lies below it: then nothing else can differ."""
    folders = mounts.overlay_folders(upper)
    if folders is None or _lowers(lower) != folders[1]:
        yield -1
        return
    fd = mounts.open_folder(folders[0])
    try:
        yield fd
    finally:
        os.close(fd)


def _lowers(what: Sequence[Mount]) -> list[str] | None:
    source = mounts.bind_source(what)
    if source is not None:
        return [source]
    if len(what) == 1 and what[0].type == "overlay":
        options = dict(option.partition("=")[::2] for option in what[0].options)
        return None if "upperdir" in options else options.get("lowerdir", "").split(":")
    return None


def compare(  # noqa: PLR0913  # the request's own fields
    content: ContentStore,
    namespace: str,
    lower: Sequence[Mount],
    upper: Sequence[Mount],
    *,
    media_type: str = "",
    ref: str = "",
    labels: Mapping[str, str] | None = None,
    latest: int | None = None,
    stop: Stop | None = None,
) -> Descriptor:
    """Make a layer of the difference and commit it; blocking, and long: call it from a thread."""
    media_type = media_type or OCI_LAYER + "+gzip"
    if media_type not in _COMPRESSIONS:
        raise Unimplemented(f"unsupported diff media type: {media_type}: not implemented")
    own_ref = not ref
    ref = ref or f"{time.time_ns()}-{secrets.token_urlsafe(3)}"
    writer = content.writer(namespace, ref)
    try:
        if not own_ref:
            writer.truncate(0)
        all_labels = dict(labels or {})
        plain = _write_layer(writer, _COMPRESSIONS[media_type], lower, upper, latest, stop or Stop())
        if _COMPRESSIONS[media_type]:
            all_labels[UNCOMPRESSED] = plain
        digest = writer.digest()
        try:
            writer.commit(0, digest, all_labels)
        except AlreadyExists:
            pass  # the same layer was made before: all the better
    except BaseException:
        _drop(writer)
        if own_ref:
            _abort(content, namespace, ref)
        raise
    return _described(content, namespace, Descriptor(media_type, digest), plain)


def _write_layer(
    writer: ContentWriter, kind: str, lower: Sequence[Mount], upper: Sequence[Mount], latest: int | None, stop: Stop
) -> str:
    """Write the compressed tar and return the digest of the plain one."""
    with closing(BesideHash(hashlib.sha256())) as plain:
        compressed = compressor(kind, writer.write)

        def write(data: bytes) -> None:
            stop.check()
            if kind:  # else the writer's digest is the same
                plain.update(data)
            compressed.write(data)

        gathered = Gathered(write)
        try:
            write_diff(lower, upper, gathered.write, latest)
        except OSError as error:
            raise Fault(f"failed to write diff: {disk_fault(error, os.fsencode(error.filename or ''))}") from error
        gathered.flush()
        compressed.close()
        return f"sha256:{plain.hexdigest()}" if kind else writer.digest()


def _drop(writer: ContentWriter) -> None:
    """Give the bytes back first: on a full disk not even the record of the ingest could be removed else."""
    try:
        writer.truncate(0)
    except (Fault, OSError):
        pass  # closed already, by a commit that failed
    writer.close()


def _abort(content: ContentStore, namespace: str, ref: str) -> None:
    try:
        content.abort(namespace, ref)
    except NotFound:
        pass  # the commit had taken it already


def _described(content: ContentStore, namespace: str, layer: Descriptor, plain: str) -> Descriptor:
    info = content.info(namespace, layer.digest)
    if UNCOMPRESSED not in info.labels:
        content.update(namespace, Info(layer.digest, labels={UNCOMPRESSED: plain}), [f"labels.{UNCOMPRESSED}"])
    return Descriptor(layer.media_type, layer.digest, info.size)
