"""Export: images as one tar, an OCI layout that old Docker clients can load as well (`manifest.json`).

Entries are sorted by name and have no times or owners: the same images give the same bytes.
"""

import hashlib
import json
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from proto.errdefs import Fault, InvalidArgument, NotFound
from supervisor.core.digests import Platform
from supervisor.core.images import Image
from supervisor.core.labels import DISTRIBUTION_SOURCE
from supervisor.diff import tar_writer
from supervisor.diff.tar_entry import DIRECTORY
from supervisor.diff.tar_writer import Header
from supervisor.registry import media_types, platforms, reference
from supervisor.registry.manifests import Blob, to_json
from supervisor.transfer.graph import Graph, best_rank

_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What goes into the archive; no platforms means the host's."""

    platforms: Sequence[Platform] = ()
    all_platforms: bool = False
    docker_manifest: bool = True
    non_distributable: bool = True


@dataclass(slots=True)
class _Plan:
    """The files to write: small ones with their bytes, blobs by descriptor."""

    files: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, Blob] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)  # manifest digest → image names, for manifest.json
    manifests: dict[str, Blob] = field(default_factory=dict)


class ArchiveExporter:
    """Writes images of one namespace; blocking."""

    def __init__(self, graph: Graph, options: ExportOptions) -> None:
        self._graph = graph
        self._options = options
        self._wanted = list(options.platforms) or [platforms.host()]

    def chunks(self, images: Sequence[Image]) -> Iterator[bytes]:
        """The archive's bytes."""
        plan = self._plan(images)
        folders = {"blobs/"} | {f"blobs/{digest.partition(':')[0]}/" for digest in plan.blobs} if plan.blobs else set()
        for name in sorted({*plan.files, *map(blob_path, plan.blobs), *folders}):
            if name.endswith("/"):
                yield tar_writer.encode(Header(name.encode(), DIRECTORY, 0o755))
            elif name in plan.files:
                data = plan.files[name]
                yield tar_writer.encode(
                    Header(name.encode(), mode=0o644 if name == "index.json" else 0o444, size=len(data))
                )
                yield data + tar_writer.padding(len(data))
            else:
                yield from self._blob(plan.blobs[_digest_of_path(name)])
        yield tar_writer.END

    def _plan(self, images: Sequence[Image]) -> _Plan:
        plan = _Plan()
        index = []
        for image in images:
            target = self._named(image)
            index.append(target)
            if media_types.is_manifest(target.media_type):
                self._add_tree(plan, target)
                plan.manifests[target.digest] = target
                plan.names.setdefault(target.digest, []).append(image.name)
            elif media_types.is_index(target.media_type):
                self._add_index(plan, target, image.name)
            else:
                raise InvalidArgument("only manifests may be exported: invalid argument")
        plan.files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
        plan.files["index.json"] = _json(
            {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [to_json(one) for one in index]}
        )
        if self._options.docker_manifest and plan.manifests:
            plan.files["manifest.json"] = _json([self._docker(plan, manifest) for manifest in plan.manifests.values()])
        return plan

    def _named(self, image: Image) -> Blob:
        """An image's descriptor with its name, and where its content came from."""
        labels = self._graph.content.info(self._graph.namespace, image.target.digest).labels
        sources = {key: value for key, value in labels.items() if key.startswith(DISTRIBUTION_SOURCE)}
        names = {
            media_types.ANNOTATION_IMAGE_NAME: image.name,
            media_types.ANNOTATION_REF_NAME: _ref_name(image.name),
        }
        target = image.target
        return Blob(target.media_type, target.digest, target.size, {**target.annotations, **names, **sources})

    def _add_index(self, plan: _Plan, target: Blob, name: str) -> None:
        plan.blobs[target.digest] = target
        best: tuple[int, Blob] | None = None
        for manifest in self._graph.children(target):
            rank = 0 if manifest.platform is None else best_rank(self._wanted, manifest.platform)
            if rank is None and not self._options.all_platforms:
                continue
            if rank is None and not self._graph.exists(manifest):
                continue  # another platform, never fetched: the index still names it
            self._add_tree(plan, manifest)
            if rank is not None and (best is None or rank < best[0]):
                best = (rank, manifest)
        if best is None:
            raise NotFound("no manifest found for platform: not found")
        plan.manifests[best[1].digest] = best[1]
        plan.names.setdefault(best[1].digest, []).append(name)

    def _add_tree(self, plan: _Plan, blob: Blob) -> None:
        def visit(one: Blob, _children: list[Blob]) -> None:
            if self._options.non_distributable or not media_types.is_non_distributable(one.media_type):
                plan.blobs[one.digest] = one

        self._graph.walk(blob, visit)

    def _docker(self, plan: _Plan, manifest: Blob) -> dict[str, object]:
        config, *layers = self._graph.children(manifest)
        names = [reference.familiar(name) for name in plan.names.get(manifest.digest, ()) if name]
        return {
            "Config": blob_path(config.digest),
            "RepoTags": names or None,
            "Layers": [blob_path(layer.digest) for layer in layers],
        }

    def _blob(self, blob: Blob) -> Iterator[bytes]:
        try:
            reader = self._graph.content.reader(self._graph.namespace, blob.digest)
        except NotFound as fault:
            raise NotFound(f"failed to get reader: {fault}") from fault
        try:
            yield tar_writer.encode(Header(blob_path(blob.digest).encode(), mode=0o444, size=reader.size))
            algorithm, _, encoded = blob.digest.partition(":")
            hashed = hashlib.new(algorithm)
            offset = 0
            while data := reader.read_at(offset, _CHUNK):
                hashed.update(data)
                offset += len(data)
                yield data
            if hashed.hexdigest() != encoded:
                raise Fault(f"unexpected digest {algorithm}:{hashed.hexdigest()} copied")
            yield tar_writer.padding(offset)
        finally:
            reader.close()


def blob_path(digest: str) -> str:
    """Where a blob is in a layout."""
    return posixpath.join("blobs", *digest.split(":"))


def _digest_of_path(path: str) -> str:
    return ":".join(path.split("/")[1:])


def _ref_name(name: str) -> str:
    """The tag of an image's name, which is all that an OCI layout has room for; the whole name where there is none."""
    try:
        return reference.parse(name).tag or name
    except InvalidArgument:
        return name


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
