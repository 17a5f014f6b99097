import gzip
import json
from collections.abc import Callable

import pytest

from proto.errdefs import Fault
from supervisor.registry.media_types import DOCKER_LAYER, DOCKER_LAYER_GZIP, DOCKER_MANIFEST, OCI_INDEX
from supervisor.transfer.graph import Graph
from supervisor.transfer.import_archive import ArchiveImporter
from tests.fakes.registry import digest_of
from tests.fakes.supervisor_archives import LAYERS, make_tar

Make = Callable[..., bytes]


def read(graph: Graph, data: bytes, **options: bool) -> dict[str, object]:
    index = ArchiveImporter(graph, **options).read(iter([data]))
    assert index.media_type == OCI_INDEX
    document: dict[str, object] = json.loads(graph.read(index))
    return document


def test_a_docker_archive_becomes_an_index_with_names(graph: Graph, docker_archive: Make) -> None:
    index = read(graph, docker_archive("busybox:1", "host.io/x:2"))
    names = [one["annotations"]["io.containerd.image.name"] for one in index["manifests"]]  # type: ignore[attr-defined]
    assert names == ["docker.io/library/busybox:1", "host.io/x:2"]
    assert index["manifests"][0]["mediaType"] == DOCKER_MANIFEST  # type: ignore[index]
    assert index["manifests"][0]["platform"]["os"] == "linux"  # type: ignore[index]


def test_an_archive_may_be_compressed_itself(graph: Graph, docker_archive: Make) -> None:
    assert read(graph, gzip.compress(docker_archive("busybox:1")))["manifests"]


def test_layers_are_described_by_what_they_are(graph: Graph, docker_archive: Make) -> None:
    packed = gzip.compress(LAYERS[0])
    index = ArchiveImporter(graph).read(iter([docker_archive("x:1", layers=[packed, LAYERS[1]])]))
    (manifest,) = graph.children(index)
    _, first, second = graph.children(manifest)
    assert (first.media_type, first.digest) == (DOCKER_LAYER_GZIP, digest_of(packed))
    assert (second.media_type, second.digest) == (DOCKER_LAYER, digest_of(LAYERS[1]))


def test_layers_are_compressed_when_asked_for(graph: Graph, docker_archive: Make) -> None:
    index = ArchiveImporter(graph, compress=True).read(iter([docker_archive("x:1")]))
    (manifest,) = graph.children(index)
    layers = graph.children(manifest)[1:]
    assert {layer.media_type for layer in layers} == {DOCKER_LAYER_GZIP}
    assert graph.content.info("ns", layers[0].digest).labels["containerd.io/uncompressed"] == digest_of(LAYERS[0])


def test_an_oci_layout_wins_and_is_taken_as_it_is(graph: Graph) -> None:
    index = b'{"schemaVersion":2,"manifests":[]}'
    data = make_tar({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index, "manifest.json": b"[]"})
    assert ArchiveImporter(graph).read(iter([data])).digest == digest_of(index)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "unrecognized image format"),
        ({"x": b"y"}, "unrecognized image format"),
        ({"oci-layout": b'{"imageLayoutVersion":"9"}'}, "unsupported OCI version 9"),
        ({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}, "missing index.json in OCI layout 1.0.0"),
        ({"oci-layout": b"{"}, 'untar oci layout "oci-layout"'),
        ({"manifest.json": b"{}"}, 'untar manifest "manifest.json"'),
        ({"manifest.json": b"[1]"}, "untar manifest"),
        ({"manifest.json": b'[{"Config": "missing.json"}]'}, 'image config "missing.json" not found'),
        ({"manifest.json": b'[{"Config": "c", "Layers": ["l"]}]', "c": b"{}"}, 'layer "l" not found'),
        ({"manifest.json": b'[{"Config": "c", "RepoTags": ["BAD TAG"]}]', "c": b"{}"}, 'normalize image ref "BAD TAG"'),
    ],
)
def test_what_is_no_image_is_refused_in_containerds_words(graph: Graph, files: dict[str, bytes], words: str) -> None:
    with pytest.raises(Fault, match=words):
        ArchiveImporter(graph).read(iter([make_tar(files)]))


def test_an_archive_that_breaks_off_leaves_no_ingest(graph: Graph, docker_archive: Make) -> None:
    data = docker_archive("x:1")
    with pytest.raises(Fault, match="unexpected EOF"):
        ArchiveImporter(graph).read(iter([data[: 512 * 9 + 100]]))
    assert list(graph.content.statuses("ns")) == []


def test_the_same_archive_twice_is_fine(graph: Graph, docker_archive: Make) -> None:
    assert read(graph, docker_archive("x:1")) == read(graph, docker_archive("x:1"))
