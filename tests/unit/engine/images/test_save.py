"""The archive that `docker save` writes."""

import io
import json
import tarfile
from typing import Any

import pytest

from engine.images.platform import Platform
from proto.errdefs import NotFound
from tests.fakes.engine_images import World
from tests.fakes.engine_variants import many


async def saved(world: World, *names: str, platforms: tuple[Platform, ...] = ()) -> dict[str, bytes]:
    data = b"".join([piece async for piece in world.images.save(names, platforms)])
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


async def test_several_platforms_go_with_their_index() -> None:
    world = World()
    made = many(world, "docker.io/library/a:latest")
    wanted = (Platform("linux", "amd64"), Platform("linux", "arm64"))
    files = await saved(world, "a", platforms=wanted)
    (described,) = document(files, "index.json")["manifests"]
    assert (described["digest"], described["annotations"]["io.containerd.image.name"]) == (
        made.index.digest, "docker.io/library/a:latest",
    )  # fmt: skip
    for target in (made.index, made.amd64, made.arm64, made.attestation):
        assert f"blobs/sha256/{target.digest.removeprefix('sha256:')}" in files
    (entry,) = document(files, "manifest.json")
    assert files[entry["Config"]] == world.content.blobs[(await world.catalog.resolve("a")).id]


async def test_without_a_wish_all_platforms_that_are_here_are_saved() -> None:
    world = World()
    made = many(world, "docker.io/library/a:latest", attested=False)
    files = await saved(world, "a")
    assert document(files, "index.json")["manifests"][0]["digest"] == made.index.digest
    assert document(files, "manifest.json")[0]["RepoTags"] == ["a:latest"]


async def test_one_platform_is_saved_as_one_manifest() -> None:
    world = World()
    made = many(world, "docker.io/library/a:latest")
    files = await saved(world, "a", platforms=(Platform("linux", "arm64"),))
    assert document(files, "index.json")["manifests"][0]["digest"] == made.arm64.digest


async def test_a_platform_that_is_not_here_is_told_before_anything_is_written() -> None:
    world = World()
    many(world, "docker.io/library/a:latest")
    wanted = (Platform("linux", "amd64"), Platform("linux", "riscv64"))
    with pytest.raises(NotFound, match=r"does not provide the specified platform \(linux/riscv64\)"):
        await saved(world, "a", platforms=wanted)
