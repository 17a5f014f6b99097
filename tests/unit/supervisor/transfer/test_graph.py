import json

import pytest

from proto.errdefs import NotFound
from supervisor.core.digests import Platform
from supervisor.registry.manifests import Blob
from supervisor.registry.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from supervisor.transfer.graph import Graph, choose, image_platform
from supervisor.transfer.import_archive import write_blob
from tests.fakes.registry import digest_of


def put(graph: Graph, document: object, media_type: str) -> Blob:
    data = json.dumps(document).encode()
    blob = Blob(media_type, digest_of(data), len(data))
    write_blob(graph, f"test-{blob.digest}", blob, data)
    return blob


def item(blob: Blob) -> dict[str, object]:
    return {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}


def test_children_are_read_and_walked(graph: Graph) -> None:
    config = put(graph, {"os": "linux", "architecture": "arm64"}, OCI_CONFIG)
    manifest = put(graph, {"config": item(config), "layers": []}, OCI_MANIFEST)
    index = put(graph, {"manifests": [item(manifest)]}, OCI_INDEX)
    seen: list[str] = []
    graph.walk(index, lambda blob, _found: seen.append(blob.media_type))
    assert seen == [OCI_INDEX, OCI_MANIFEST, OCI_CONFIG]
    assert graph.platform_of(manifest) == Platform("linux", "arm64")
    assert image_platform(graph, config) == Platform("linux", "arm64")
    assert graph.exists(config)


def test_parents_keep_their_children_by_labels(graph: Graph) -> None:
    blobs = [put(graph, {"n": n}, kind) for n, kind in enumerate((OCI_CONFIG, OCI_LAYER, OCI_LAYER))]
    graph.label_children(blobs[0], blobs)
    assert graph.content.info("ns", blobs[0].digest).labels == {
        "containerd.io/gc.ref.content.config": blobs[0].digest,
        "containerd.io/gc.ref.content.l.0": blobs[1].digest,
        "containerd.io/gc.ref.content.l.1": blobs[2].digest,
    }


INDEX = Blob(OCI_INDEX, "i", 1)


def manifests(*platforms: tuple[str, str]) -> list[Blob]:
    return [Blob(OCI_MANIFEST, f"{a}/{v}", 1, {}, Platform("linux", a, v)) for a, v in platforms]


@pytest.mark.parametrize(
    ("wanted", "limit", "chosen"),
    [
        ([], 0, ["amd64/", "arm/v6", "arm/v7", "arm64/v8"]),
        ([Platform("linux", "amd64")], 0, ["amd64/"]),
        ([Platform("linux", "arm64")], 0, ["arm64/v8"]),
        ([Platform("linux", "arm", "v7")], 0, ["arm/v7"]),
        ([Platform("linux", "arm", "v8")], 1, ["arm/v7"]),
        ([Platform("linux", "arm64"), Platform("linux", "amd64")], 1, ["arm64/v8"]),
        ([Platform("linux", "amd64"), Platform("linux", "arm", "v6")], 0, ["amd64/", "arm/v6"]),
    ],
)
def test_platforms_choose_manifests_with_their_variants(wanted: list[Platform], limit: int, chosen: list[str]) -> None:
    found = manifests(("amd64", ""), ("arm", "v6"), ("arm", "v7"), ("arm64", "v8"))
    assert [blob.digest for blob in choose(found, INDEX, wanted, limit)] == chosen


def test_no_manifest_for_a_platform_is_not_found() -> None:
    with pytest.raises(NotFound, match="no match for platform in manifest"):
        choose(manifests(("s390x", "")), INDEX, [Platform("linux", "amd64")])
