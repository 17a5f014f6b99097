"""Loading archives: what the supervisor saved is put right and told."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.images import platform as platforms
from engine.images.model import Descriptor
from engine.images.platform import Platform
from proto import anys
from proto.containerd.types.transfer import progress_pb2, streaming_pb2
from proto.errdefs import Fault, InvalidArgument, NotFound
from tests.fakes.engine_images import FakeStream, World
from tests.fakes.engine_variants import many


async def archive() -> AsyncIterator[bytes]:
    yield b"tar"


def saving(world: World, *saved: tuple[str, Descriptor]) -> None:
    """Let the supervisor read the archive and save images."""

    async def script(fake: Any, source: Any, destination: Any, progress: FakeStream) -> None:
        stream = fake.streams[source.stream]
        stream.incoming.put_nowait(anys.pack(streaming_pb2.WindowUpdate(update=100)))
        await stream.finished.wait()
        for name, target in saved:
            world.name(name, target)
            progress.incoming.put_nowait(anys.pack(progress_pb2.Progress(event="saved", name=name)))
        await asyncio.sleep(0)

    world.transfers.script = script


async def load(world: World, *wanted: Platform) -> list[str]:
    return [line["stream"] async for line in world.images.load(archive(), platforms=wanted)]


async def test_each_name_is_told() -> None:
    world = World()
    target = world.add_blobs(b"x")
    saving(world, ("docker.io/library/a:1", target), ("gcr.io/b/c:2", target))
    assert await load(world) == ["Loaded image: a:1\n", "Loaded image: gcr.io/b/c:2\n"]
    assert [action for action, _ in world.events] == ["load"]


async def test_an_image_without_a_name_is_told_by_its_id_and_kept() -> None:
    world = World()
    target = world.add_blobs(b"x")
    saving(world, (f"moby-dangling@{target.digest}", target))
    (image_id,) = {(await world.manifests.read(target)).config_digest}
    assert await load(world) == [f"Loaded image ID: {image_id}\n"]
    assert list(world.records.images) == [f"moby-dangling@{target.digest}"]


async def test_an_image_that_has_a_name_already_needs_no_other_record() -> None:
    world = World()
    image = await world.add("docker.io/library/a:1")
    target = image.names[0].target
    saving(world, (f"moby-dangling@{target.digest}", target))
    assert await load(world) == [f"Loaded image ID: {image.id}\n"]
    assert list(world.records.images) == ["docker.io/library/a:1"]


async def test_an_index_beside_its_images_is_not_one_more_image() -> None:
    world = World()
    first, second = world.add_blobs(b"1"), world.add_blobs(b"2")
    index = world.add_index((first, None), (second, None))
    saving(
        world,
        (f"moby-dangling@{index.digest}", index),
        ("docker.io/library/a:1", first),
        (f"moby-dangling@{second.digest}", second),
    )
    second_id = (await world.manifests.read(second)).config_digest
    assert await load(world) == ["Loaded image: a:1\n", f"Loaded image ID: {second_id}\n"]
    assert sorted(world.records.images) == ["docker.io/library/a:1", f"moby-dangling@{second.digest}"]


async def test_short_names_of_other_tools_become_full_ones() -> None:
    world = World()
    saving(world, ("busybox:1", world.add_blobs(b"x")))
    assert await load(world) == ["Loaded image: busybox:1\n"]
    assert list(world.records.images) == ["docker.io/library/busybox:1"]


async def test_a_tag_without_a_repository_names_nothing() -> None:
    world = World()
    target = world.add_blobs(b"x")
    saving(world, ("moby-dangling:latest", target))
    (line,) = await load(world)
    assert line.startswith("Loaded image ID: sha256:")
    assert list(world.records.images) == [f"moby-dangling@{target.digest}"]


async def test_an_image_whose_name_the_archive_takes_goes_on_dangling() -> None:
    world = World()
    old = await world.add("docker.io/library/a:1")
    saving(world, ("docker.io/library/a:1", world.add_blobs(b"new")))
    await load(world)
    assert (await world.catalog.resolve(old.id)).tags == []


async def test_an_archive_of_nothing_is_told_to_be_one() -> None:
    world = World()
    world.transfers.fault = InvalidArgument("unrecognized image format")
    with pytest.raises(InvalidArgument, match=r"invalid archive: does not contain a manifest\.json"):
        await load(world)


async def test_the_supervisor_is_asked_to_unpack_for_this_machine() -> None:
    world = World()
    saving(world, ("docker.io/library/a:1", world.add_blobs(b"x")))
    await load(world)
    ((_, destination),) = world.transfers.calls
    assert destination.unpacks[0].snapshotter == "overlayfs"
    assert destination.extra_references[0].name == "moby-dangling"


async def test_all_platforms_of_an_archive_stay() -> None:
    world = World()
    made = many(world)
    saving(world, ("docker.io/library/a:1", made.index))
    assert await load(world) == ["Loaded image: a:1\n"]
    kept = set(world.content.labels[made.index.digest].values())
    assert kept == {made.amd64.digest, made.arm64.digest, made.attestation.digest}
    assert world.leases.open == 0


async def test_a_platform_that_the_archive_does_not_have_is_told() -> None:
    world = World()
    saving(world, ("docker.io/library/a:1", world.add_blobs(b"x", platform=("linux", "amd64"))))
    words = r"^image a:1 was loaded, but doesn't provide the requested platform \(\[linux/arm64\]\)$"
    with pytest.raises(NotFound, match=words):
        await load(world, Platform("linux", "arm64"))


async def test_an_index_without_the_platform_is_told_as_not_found() -> None:
    world = World()
    saving(world)
    world.transfers.fault = Fault("no match for platform in manifest: not found")
    with pytest.raises(NotFound, match=r"^requested platform\(s\) \(\[linux/arm64\]\) not found"):
        await load(world, Platform("linux", "arm64"))


async def test_a_platform_that_suits_better_is_seen_once_it_is_there() -> None:
    world = World()
    host = platforms.host()
    own = world.add_blobs(b"own", platform=(host.os, host.architecture))
    other = world.add_blobs(b"other", platform=("linux", "riscv64"))
    index = world.add_index((other, ("linux", "riscv64")), (own, (host.os, host.architecture)))
    own_data = world.content.blobs.pop(own.digest)
    world.name("docker.io/library/a:1", index)
    assert (await world.images.catalog.resolve("a:1")).manifest.digest == other.digest
    world.content.add(own_data)
    saving(world, ("docker.io/library/a:1", index))
    assert await load(world) == ["Loaded image: a:1\n"]
    assert (await world.images.catalog.resolve("a:1")).manifest.digest == own.digest
