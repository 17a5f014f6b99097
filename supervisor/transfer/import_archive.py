"""Import: an archive's blobs into the content store, and an index that names its images.

Two layouts, also in one archive: OCI (`oci-layout`, `index.json`, `blobs/…`), which wins, and `docker save`
(`manifest.json` with configs, layers and RepoTags). Every file is ingested under `tar-<name>`, whatever it is; what
nothing refers to is collected later.
"""

import json
import posixpath
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from proto.errdefs import AlreadyExists, Fault, NotFound, Unavailable
from supervisor.content.digests import digest_of
from supervisor.core.content import ContentWriter
from supervisor.core.digests import Descriptor
from supervisor.core.labels import UNCOMPRESSED
from supervisor.diff import compression
from supervisor.diff.tar_entry import REGULAR, SYMLINK, BadArchive, Entry
from supervisor.diff.tar_reader import TarReader
from supervisor.registry import media_types, reference
from supervisor.registry.manifests import Blob, to_json
from supervisor.transfer.graph import Graph

MAX_JSON = 20 << 20
_MOST_FILES = 100_000
_LAYOUT_VERSION = "1.0.0"
_TRIES = 100
_PATIENCE = 60.0  # seconds, for another writer of the same ref


@dataclass(slots=True)
class _Archive:
    """What was found in the archive."""

    layout: dict[str, Any] = field(default_factory=dict)
    manifest: list[Any] | None = None
    blobs: dict[str, Descriptor] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


class ArchiveImporter:
    """Reads archives into one namespace; blocking."""

    def __init__(self, graph: Graph, *, compress: bool = False) -> None:
        self._graph = graph
        self._compress = compress

    def read(self, chunks: Iterator[bytes]) -> Blob:
        """Ingest a whole archive and return the descriptor of its index."""
        archive = self._ingest_all(TarReader(compression.decompress(chunks)))
        if archive.layout:
            version = archive.layout.get("imageLayoutVersion")
            if version != _LAYOUT_VERSION:
                raise Fault(f"unsupported OCI version {version}")
            index = archive.blobs.get("index.json")
            if index is None:
                raise Fault(f"missing index.json in OCI layout {_LAYOUT_VERSION}")
            return Blob(media_types.OCI_INDEX, index.digest, index.size)
        if archive.manifest is None:
            raise Fault("unrecognized image format")
        return self._docker_index(archive, archive.manifest)

    def _ingest_all(self, reader: TarReader) -> _Archive:
        archive = _Archive()
        for count, entry in enumerate(reader.entries()):
            if count >= _MOST_FILES:
                raise Fault(f"archive has more than {_MOST_FILES} files")
            name = posixpath.normpath(entry.name.decode(errors="surrogateescape"))
            if entry.kind == SYMLINK:
                target = entry.linkname.decode(errors="surrogateescape")
                archive.links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            elif entry.kind == REGULAR and name == "oci-layout":
                archive.layout = _json(reader, "oci layout", name, dict)
            elif entry.kind == REGULAR and name == "manifest.json":
                archive.manifest = _json(reader, "manifest", name, list)
            elif entry.kind == REGULAR:
                try:
                    archive.blobs[name] = self._ingest(name, entry, reader)
                except Fault as fault:
                    raise type(fault)(f'failed to ingest "{name}": {fault}') from fault
        reader.drain()
        return archive

    def _ingest(self, name: str, entry: Entry, reader: TarReader) -> Descriptor:
        ref = f"tar-{name}"
        writer = open_writer(self._graph, ref, entry.size)
        try:
            if writer.status().offset:
                writer.truncate(0)
            _copy(reader, writer, entry.size)
            try:
                return Descriptor(digest=writer.commit(entry.size), size=entry.size)
            except AlreadyExists:
                return Descriptor(digest=writer.digest(), size=entry.size)
        except BaseException:
            discard(self._graph, ref, writer)
            raise

    def _docker_index(self, archive: _Archive, images: Sequence[Any]) -> Blob:
        for name, target in archive.links.items():
            if target not in archive.blobs:
                raise Fault(f'no target for symlink layer from "{name}" to "{target}"')
            archive.blobs[name] = archive.blobs[target]
        found: list[Blob] = []
        for image in images:
            if not isinstance(image, dict):
                raise Fault("untar manifest: an image must be an object")
            described = self._docker_manifest(archive, image)
            tags = [str(tag) for tag in image.get("RepoTags") or []]
            found += [replace(described, annotations=_name_annotations(tag)) for tag in tags] or [described]
        return self._write({"schemaVersion": 2, "manifests": [to_json(one) for one in found]}, media_types.OCI_INDEX)

    def _docker_manifest(self, archive: _Archive, image: dict[str, Any]) -> Blob:
        name = posixpath.normpath(str(image.get("Config", "")))
        config = archive.blobs.get(name)
        if config is None:
            raise Fault(f'image config "{image.get("Config", "")}" not found')
        config = Descriptor(media_types.DOCKER_CONFIG, config.digest, config.size)
        layers = []
        for file in image.get("Layers") or []:
            blob = archive.blobs.get(posixpath.normpath(str(file)))
            if blob is None:
                raise Fault(f'failed to resolve layers: layer "{file}" not found')
            layers.append(self._layer(blob))
        manifest = self._write(
            {
                "schemaVersion": 2,
                "mediaType": media_types.DOCKER_MANIFEST,
                "config": to_json(config),
                "layers": [to_json(layer) for layer in layers],
            },
            media_types.DOCKER_MANIFEST,
        )
        platform = self._graph.platform_of(manifest)
        return replace(manifest, platform=platform) if platform is not None and platform.architecture else manifest

    def _layer(self, blob: Descriptor) -> Descriptor:
        """A layer by what its bytes are; one that is here compressed already is used in that form."""
        known = next(
            self._graph.content.list(self._graph.namespace, [f'labels."{UNCOMPRESSED}"=={blob.digest}']).__iter__(),
            None,
        )
        if known is not None:
            blob = Descriptor(digest=known.digest, size=known.size)
        reader = self._graph.content.reader(self._graph.namespace, blob.digest)
        try:
            kind = compression.detect(reader.read_at(0, 16))
            if kind == "" and self._compress:
                return self._compressed(blob)
        finally:
            reader.close()
        media_type = {
            "": media_types.DOCKER_LAYER,
            "gzip": media_types.DOCKER_LAYER_GZIP,
            "zstd": media_types.DOCKER_LAYER_ZSTD,
        }[kind]
        return Descriptor(media_type, blob.digest, blob.size)

    def _compressed(self, blob: Descriptor) -> Descriptor:
        content, namespace = self._graph.content, self._graph.namespace
        ref = "compress-blob-" + blob.digest.replace(":", "-")
        writer = open_writer(self._graph, ref)
        reader = content.reader(namespace, blob.digest)
        try:
            writer.truncate(0)
            squeezed = compression.compressor("gzip", writer.write)
            offset = 0
            while data := reader.read_at(offset, compression.CHUNK):
                squeezed.write(data)
                offset += len(data)
            squeezed.close()
            size, digest = writer.status().offset, writer.digest()
            try:
                writer.commit(size, digest, {UNCOMPRESSED: blob.digest})
            except AlreadyExists:
                pass
        except BaseException:
            discard(self._graph, ref, writer)
            raise
        finally:
            reader.close()
        return Descriptor(media_types.DOCKER_LAYER_GZIP, digest, size)

    def _write(self, document: dict[str, Any], media_type: str) -> Blob:
        data = json.dumps(document, separators=(",", ":")).encode()
        blob = Blob(media_type, digest_of(data), len(data))
        write_blob(self._graph, f"manifest-{blob.digest}", blob, data)
        return blob


def open_writer(graph: Graph, ref: str, total: int = 0, expected: str = "") -> ContentWriter:
    """A writer for a ref, as soon as nobody else has it: another import may be at the same name."""
    deadline = time.monotonic() + _PATIENCE
    pause = 0.016
    while True:
        try:
            return graph.content.writer(graph.namespace, ref, total, expected)
        except Unavailable:
            if time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(0, pause))  # noqa: S311  # spreading attempts
        pause = min(pause * 2, 2.0)


def write_blob(graph: Graph, ref: str, blob: Blob, data: bytes) -> None:
    """Write a small blob, unless it is there."""
    for _ in range(_TRIES):
        try:
            writer = open_writer(graph, ref, blob.size, blob.digest)
        except AlreadyExists:
            return
        try:
            if writer.digest() != blob.digest:  # else another namespace had it, or an earlier try left it
                writer.truncate(0)
                writer.write(data)
            writer.commit(blob.size, blob.digest)
            return
        except AlreadyExists:
            return
        except Unavailable:
            continue  # somebody is about to commit the very same bytes
        finally:
            writer.close()
    raise Unavailable(f"ref {ref} is written by others all the time: unavailable")


def discard(graph: Graph, ref: str, writer: ContentWriter) -> None:
    """Throw a failed write away: its bytes first, or on a full disk not even the record of it could be removed."""
    try:
        writer.truncate(0)
    except (Fault, OSError):
        pass  # closed already, by a commit that failed
    writer.close()
    try:
        graph.content.abort(graph.namespace, ref)
    except NotFound:
        pass  # nothing of it is there


def _copy(reader: TarReader, writer: ContentWriter, size: int) -> None:
    try:
        for piece in reader.data():
            writer.write(piece)
    except BadArchive as fault:
        copied = writer.status().offset
        raise BadArchive(f"short read: expected {size} bytes but got {copied}: {fault}") from fault


def _name_annotations(tag: str) -> dict[str, str]:
    whole = reference.normalize(tag)
    return {
        media_types.ANNOTATION_IMAGE_NAME: str(whole),
        media_types.ANNOTATION_REF_NAME: whole.tag or str(whole),
    }


def _json(reader: TarReader, what: str, name: str, kind: type) -> Any:  # JSON has no better type
    data = bytearray()
    for piece in reader.data():
        data += piece
        if len(data) > MAX_JSON:
            raise Fault(f'untar {what} "{name}": more than {MAX_JSON} bytes')
    try:
        document = json.loads(bytes(data))
    except (ValueError, RecursionError) as error:
        raise Fault(f'untar {what} "{name}": {error}') from error
    if not isinstance(document, kind):
        raise Fault(f'untar {what} "{name}": unexpected kind of JSON')
    return document
