"""The archive that `docker save` writes."""

import io
import json
import tarfile
from typing import Any

import pytest

from proto.errdefs import NotFound
from tests.fakes.engine_images import World


async def saved(world: World, *names: str) -> dict[str, bytes]:
    data = b"".join([piece async for piece in world.images.save(names)])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]


def document(files: dict[str, bytes], name: str) -> Any:
    return json.loads(files[name])


async def test_one_archive_is_both_a_docker_archive_and_an_oci_layout() -> None:
    world = World()
    image = await world.add("docker.io/library/a:latest", layers=(b"x", b"y"))
    files = await saved(world, "a")
    (entry,) = document(files, "manifest.json")
    assert entry["RepoTags"] == ["a:latest"]
    assert files[entry["Config"]] == world.content.blobs[image.id]
    assert [files[layer] for layer in entry["Layers"]] == [
        world.content.blobs[layer.digest] for layer in image.manifest.layers
    ]
    (described,) = document(files, "index.json")["manifests"]
    assert described["annotations"]["io.containerd.image.name"] == "docker.io/library/a:latest"
    assert document(files, "oci-layout") == {"imageLayoutVersion": "1.0.0"}
    assert list(document(files, "repositories")) == ["a"]


async def test_two_names_of_one_image_are_one_entry() -> None:
    world = World()
    await world.add("docker.io/library/a:1", "docker.io/library/b:1")
    files = await saved(world, "a:1", "b:1")
    assert [entry["RepoTags"] for entry in document(files, "manifest.json")] == [["a:1", "b:1"]]
    assert len(document(files, "index.json")["manifests"]) == 2


async def test_an_id_is_saved_without_a_name() -> None:
    world = World()
    image = await world.add("docker.io/library/a:1")
    files = await saved(world, image.short_id)
    assert document(files, "manifest.json")[0]["RepoTags"] is None


async def test_a_layer_of_two_images_is_written_once() -> None:
    world = World()
    await world.add("docker.io/library/a:1", layers=(b"base",))
    await world.add("docker.io/library/b:1", layers=(b"base",), author="other")
    files = await saved(world, "a:1", "b:1")
    assert len(document(files, "manifest.json")) == 2
    assert len([name for name in files if name.startswith("blobs/")]) == 5


async def test_a_missing_image_is_told_before_anything_is_written() -> None:
    with pytest.raises(NotFound, match="No such image: nope:latest"):
        await saved(World(), "nope")
