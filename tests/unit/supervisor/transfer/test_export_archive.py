import io
import json
import tarfile
from collections.abc import Callable

import pytest

from proto.errdefs import InvalidArgument, NotFound
from supervisor.core.digests import Descriptor, Platform
from supervisor.core.images import Image
from supervisor.registry import platforms
from supervisor.registry.manifests import Blob
from supervisor.registry.media_types import OCI_INDEX, OCI_LAYER
from supervisor.transfer.export_archive import ArchiveExporter, ExportOptions
from supervisor.transfer.graph import Graph
from supervisor.transfer.import_archive import ArchiveImporter, write_blob
from tests.fakes.registry import digest_of

Make = Callable[..., bytes]


def imported(graph: Graph, data: bytes) -> tuple[Image, Image]:
    """The image, by its manifest and by its index."""
    index = ArchiveImporter(graph).read(iter([data]))
    (manifest,) = graph.children(index)
    return Image("docker.io/library/x:1", manifest), Image("docker.io/library/x:1", index)


def files(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {one.name: extracted.read() if (extracted := tar.extractfile(one)) else b"" for one in tar}


def export(graph: Graph, *images: Image, **options: object) -> bytes:
    return b"".join(ArchiveExporter(graph, ExportOptions(**options)).chunks(images))  # type: ignore[arg-type]


def test_an_export_is_an_oci_layout_that_docker_can_load(graph: Graph, docker_archive: Make) -> None:
    image, _ = imported(graph, docker_archive("x:1"))
    found = files(export(graph, image))
    assert found["oci-layout"] == b'{"imageLayoutVersion":"1.0.0"}'
    (described,) = json.loads(found["index.json"])["manifests"]
    assert described["annotations"]["io.containerd.image.name"] == "docker.io/library/x:1"
    assert described["annotations"]["org.opencontainers.image.ref.name"] == "1"
    (docker,) = json.loads(found["manifest.json"])
    assert docker["RepoTags"] == ["x:1"]
    assert all(name in found for name in (docker["Config"], *docker["Layers"]))


def test_the_same_images_give_the_same_bytes_and_come_back(graph: Graph, docker_archive: Make) -> None:
    image, _ = imported(graph, docker_archive("x:1"))
    data = export(graph, image)
    assert data == export(graph, image)
    index = ArchiveImporter(graph).read(iter([data]))
    assert [one.digest for one in graph.children(index)] == [image.target.digest]


def test_an_index_is_exported_with_what_it_has_for_the_platform(graph: Graph, docker_archive: Make) -> None:
    _, image = imported(graph, docker_archive("x:1"))
    found = files(export(graph, image))
    (described,) = json.loads(found["index.json"])["manifests"]
    assert described["mediaType"] == OCI_INDEX
    assert json.loads(found["manifest.json"])[0]["RepoTags"] == ["x:1"]
    with pytest.raises(NotFound, match="no manifest found for platform"):
        export(graph, image, platforms=[Platform("linux", "s390x")])


def test_a_platform_that_was_never_fetched_does_not_stop_an_export_of_all(graph: Graph, docker_archive: Make) -> None:
    image, _ = imported(graph, docker_archive("x:1"))
    here = {"architecture": platforms.host().architecture, "os": "linux"}
    items = [
        {
            "mediaType": image.target.media_type,
            "digest": image.target.digest,
            "size": image.target.size,
            "platform": here,
        },
        {
            "mediaType": image.target.media_type,
            "digest": digest_of(b"?"),
            "size": 1,
            "platform": {"architecture": "s390x", "os": "linux"},
        },
    ]
    data = json.dumps({"schemaVersion": 2, "manifests": items}).encode()
    index = Blob(OCI_INDEX, digest_of(data), len(data))
    write_blob(graph, "index", index, data)
    assert "manifest.json" in files(export(graph, Image("docker.io/library/x:1", index), all_platforms=True))


def test_the_docker_half_can_be_left_out(graph: Graph, docker_archive: Make) -> None:
    image, _ = imported(graph, docker_archive("x:1"))
    assert "manifest.json" not in files(export(graph, image, docker_manifest=False))


def test_only_manifests_may_be_exported(graph: Graph) -> None:
    data = b"layer"
    blob = Blob(OCI_LAYER, digest_of(data), len(data))
    write_blob(graph, "layer", blob, data)
    with pytest.raises(InvalidArgument, match="only manifests may be exported"):
        export(graph, Image("docker.io/library/x:1", Descriptor(blob.media_type, blob.digest, blob.size)))
