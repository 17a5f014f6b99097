"""Images made of containers and of file systems, over each supervisor."""

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path

from engine import kernel
from engine.images.assemble import LAYER_TYPE
from engine.images.commit import Wish
from engine.images.reference import parse
from engine.images.registry_auth import Credentials
from engine.images.service import Images
from engine.supervisor_client.channel import Channel
from engine.supervisor_client.content import Content
from engine.supervisor_client.leases import Leases
from engine.supervisor_client.snapshots import Snapshots
from tests import needs
from tests.images import layer_tar

pytestmark = [needs.root, needs.overlay]


async def archive(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


async def mounted(snapshots: Snapshots, key: str, folder: Path, then: str) -> dict[str, str]:
    """What is in a snapshot, after a file more has been written to it."""
    kernel.mount_all(await snapshots.mounts(key), str(folder))
    try:
        if then:
            (folder / then).write_text(then)
        return {name: (folder / name).read_text() for name in os.listdir(folder) if (folder / name).is_file()}
    finally:
        kernel.umount(str(folder), 0)


async def test_a_file_system_becomes_an_image_and_a_container_of_it_another(
    images: Images, channel: Channel, tmp_path: Path
) -> None:
    snapshots = Snapshots(channel)
    data = gzip.compress(layer_tar({"one": b"one"}))
    await images.committer.load_file_system(archive(data), Wish(parse("base:1")))
    base = await images.resolve("base:1")

    kept = {"containerd.io/gc.root": "2024-01-01T00:00:00Z"}
    await snapshots.prepare("box", base.top, kept)
    assert await mounted(snapshots, "box", tmp_path, "two") == {"one": "one", "two": "two"}
    wish = Wish(parse("new:1"), "with two", changes=('CMD ["two"]',))
    image_id = await images.committer.commit("box", base.manifest, base.container_config, wish, "sh")
    await snapshots.remove("box")
    assert await Leases(channel).list() == []

    image = await images.resolve(image_id)
    assert (image.tags, image.container_config["Cmd"]) == (["new:1"], ["two"])
    await snapshots.prepare("again", image.top, kept)
    assert await mounted(snapshots, "again", tmp_path, "") == {"one": "one", "two": "two"}
    await snapshots.remove("again")

    removed = await images.remove("new:1")
    assert next(entry for entry in removed if "Deleted" in entry) == {"Deleted": image_id}
    assert (await images.resolve("base:1")).id == base.id
    await images.remove("base:1")
    assert await Content(channel).list() == []
    assert await snapshots.list() == []


async def test_an_image_that_lost_its_snapshot_is_unpacked_for_the_next_container(
    images: Images, channel: Channel, tmp_path: Path
) -> None:
    snapshots = Snapshots(channel)
    await images.committer.load_file_system(archive(layer_tar({"one": b"one"})), Wish(parse("base:1")))
    top = (await images.resolve("base:1")).top
    await snapshots.remove(top)
    assert (await images.resolve_quickly("base:1")).top == top
    await snapshots.prepare("box", top, {"containerd.io/gc.root": "2024-01-01T00:00:00Z"})
    assert await mounted(snapshots, "box", tmp_path, "") == {"one": "one"}
    await snapshots.remove("box")


async def test_a_push_compresses_what_was_made_here_and_the_image_keeps_its_id(
    images: Images, channel: Channel, registry: str
) -> None:
    name = f"{registry}/made:1"
    await images.committer.load_file_system(archive(layer_tar({"one": b"one" * 1000})), Wish(parse(name)))
    made = await images.resolve(name)
    assert [layer.media_type for layer in made.manifest.layers] == [LAYER_TYPE]
    pushed = [line async for line in images.push(f"{registry}/made", "1", Credentials())]
    image = await images.resolve(name)
    (layer,) = image.manifest.layers
    assert (image.id, layer.media_type) == (made.id, f"{LAYER_TYPE}+gzip")
    assert layer.size < made.manifest.layers[0].size
    assert pushed[-1]["aux"]["Digest"] == image.manifest.digest
    again = [line async for line in images.push(f"{registry}/made", "1", Credentials())]
    assert again[-1] == pushed[-1]
    assert await Leases(channel).list() == []
    await images.remove(made.id, force=True)
    assert await Content(channel).list() == []

    async for _ in images.pull(f"{registry}/made", "1", Credentials()):
        pass
    assert (await images.resolve(name)).id == made.id
