"""Images loaded, saved, pulled, pushed and removed over a real supervisor."""

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from engine.filters import Filters
from engine.images.reference import parse
from engine.images.registry_auth import Credentials
from engine.images.removal import ImageUser
from engine.images.service import Images
from engine.supervisor_client.channel import Channel
from engine.supervisor_client.content import Content
from engine.supervisor_client.leases import Leases
from engine.supervisor_client.snapshots import Snapshots
from proto.errdefs import Conflict, Fault, InvalidArgument, NotFound
from tests import needs
from tests.images import archive as make_archive
from tests.images import busybox_archive, layer_tar

pytestmark = [needs.root, needs.overlay, needs.binary("busybox")]
NEWEST = (1, 51)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return Path(busybox_archive(tmp_path_factory.mktemp("image") / "busybox.tar")).read_bytes()


async def chunks(data: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def load(images: Images, data: bytes) -> list[str]:
    return [line["stream"] async for line in images.load(chunks(data))]


async def names(images: Images) -> list[list[str]]:
    return [entry["RepoTags"] for entry in await images.summaries(Filters(), NEWEST)]


async def nothing_left(channel: Channel) -> bool:
    content, snapshots = await Content(channel).list(), await Snapshots(channel).list()
    return (len(content), len(snapshots), len(await Leases(channel).list())) == (0, 0, 0)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
async def test_an_archive_is_loaded_however_it_is_compressed(
    images: Images, archive: bytes, compress: Callable[[bytes], bytes]
) -> None:
    assert await load(images, compress(archive)) == ["Loaded image: busybox:latest\n"]
    (summary,) = await images.summaries(Filters(), NEWEST)
    image = await images.resolve("busybox")
    assert summary["Id"] == image.id
    assert summary["Size"] > 500_000
    assert len((await images.inspect("busybox", NEWEST))["RootFS"]["Layers"]) == 1


async def test_loaded_layers_are_unpacked_under_their_chain_ids(
    images: Images, archive: bytes, channel: Channel
) -> None:
    await load(images, archive)
    image = await images.resolve("busybox")
    assert (await Snapshots(channel).stat(image.top)).name == image.top


@pytest.mark.parametrize("kind", ["docker", "oci"])
async def test_either_half_of_the_archive_will_do(images: Images, tmp_path: Path, kind: str) -> None:
    data = Path(busybox_archive(tmp_path / "half.tar", kind=kind)).read_bytes()  # type: ignore[arg-type]
    assert await load(images, data) == ["Loaded image: busybox:latest\n"]


async def test_what_is_saved_can_be_loaded_again_with_all_its_names(images: Images, archive: bytes) -> None:
    await load(images, archive)
    await images.tag("busybox", parse("other:2"))
    image_id = (await images.resolve("busybox")).id
    saved = b"".join([piece async for piece in images.save(["busybox", "other:2"])])
    await images.remove(image_id, force=True)
    assert sorted(await load(images, saved)) == ["Loaded image: busybox:latest\n", "Loaded image: other:2\n"]
    assert (await images.resolve("other:2")).id == image_id


async def test_an_image_saved_by_its_id_comes_back_without_a_name(images: Images, archive: bytes) -> None:
    await load(images, archive)
    image_id = (await images.resolve("busybox")).id
    saved = b"".join([piece async for piece in images.save([image_id])])
    await images.remove("busybox")
    assert await load(images, saved) == [f"Loaded image ID: {image_id}\n"]
    assert await names(images) == [[]]
    assert (await images.resolve(image_id)).top


async def test_the_last_name_takes_content_and_snapshots_along(
    images: Images, archive: bytes, channel: Channel
) -> None:
    await load(images, archive)
    image = await images.resolve("busybox")
    assert await images.remove("busybox") == [
        {"Untagged": "busybox:latest"},
        {"Deleted": image.id},
        {"Deleted": image.top},
    ]
    assert await nothing_left(channel)


async def test_a_moved_name_leaves_a_dangling_image_that_prune_removes(
    images: Images, archive: bytes, tmp_path: Path, channel: Channel
) -> None:
    await load(images, archive)
    old = (await images.resolve("busybox")).id
    changed = make_archive(tmp_path / "new.tar", "busybox:latest", [layer_tar({"new": b"1"})])
    await load(images, Path(changed).read_bytes())
    assert (await images.resolve("busybox")).id != old
    assert sorted(await names(images)) == [[], ["busybox:latest"]]
    assert (await images.prune(Filters()))["ImagesDeleted"][0] == {"Deleted": old}
    await images.remove("busybox")
    assert await nothing_left(channel)


async def test_an_image_in_use_is_kept(images: Images, archive: bytes, users: "object") -> None:
    await load(images, archive)
    image = await images.resolve("busybox")
    users.users = [ImageUser("c" * 64, image.id, True)]  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="cannot be forced"):
        await images.remove(image.id, force=True)
    assert await names(images) == [["busybox:latest"]]


@pytest.mark.parametrize("data", [b"", b"nonsense" * 1000, bytes(20480)])
async def test_what_is_no_archive_is_refused(images: Images, data: bytes, channel: Channel) -> None:
    with pytest.raises(Fault):
        await load(images, data)
    assert await names(images) == []
    assert len(await Leases(channel).list()) == 0


async def test_a_truncated_archive_leaves_no_image(images: Images, archive: bytes) -> None:
    with pytest.raises(Fault):
        await load(images, archive[: len(archive) // 2])
    assert await names(images) == []


async def test_a_corrupt_layer_is_refused(images: Images, tmp_path: Path) -> None:
    """One that nobody has yet: containerd does not read again what it has by its digest."""
    content = os.urandom(10_000)
    whole = Path(make_archive(tmp_path / "x.tar", "corrupt:1", [layer_tar({"file": content})])).read_bytes()
    place = whole.index(content) + 5000
    with pytest.raises(Fault):
        await load(images, whole[:place] + b"corrupt!" + whole[place + 8 :])
    assert await names(images) == []


async def test_a_client_that_goes_away_leaves_no_image(images: Images, archive: bytes) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield archive[:100_000]
        raise ConnectionResetError("client went away")

    with pytest.raises((ConnectionResetError, Fault)):
        async for _ in images.load(broken()):
            pass
    assert await names(images) == []


async def test_an_archive_without_images_is_told_to_be_one(images: Images) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("hello"))
    with pytest.raises(InvalidArgument, match=r"does not contain a manifest\.json"):
        await load(images, buffer.getvalue())


async def test_an_image_goes_to_a_registry_and_comes_back(images: Images, archive: bytes, registry: str) -> None:
    await load(images, archive)
    name = f"{registry}/team/box:1"
    await images.tag("busybox", parse(name))
    pushed = [line async for line in images.push(f"{registry}/team/box", "1", Credentials())]
    digest = pushed[-1]["aux"]["Digest"]
    image_id = (await images.resolve("busybox")).id
    await images.remove(image_id, force=True)

    pulled = [line["status"] async for line in images.pull(f"{registry}/team/box", "1", Credentials())]
    assert pulled[0] == "Pulling from team/box"
    assert "Pull complete" in pulled
    assert pulled[-2:] == [f"Digest: {digest}", f"Status: Downloaded newer image for {name}"]
    document = await images.inspect(name, NEWEST)
    assert (document["Id"], document["RepoDigests"]) == (image_id, [f"{registry}/team/box@{digest}"])
    again = [line["status"] async for line in images.pull(f"{registry}/team/box", "1", Credentials())]
    assert again[-1] == f"Status: Image is up to date for {name}"
    by_digest = [line["status"] async for line in images.pull(f"{registry}/team/box", digest, Credentials())]
    assert by_digest[-1] == f"Status: Image is up to date for {registry}/team/box@{digest}"


async def test_a_tag_that_the_registry_does_not_have_is_not_found(images: Images, registry: str) -> None:
    with pytest.raises(NotFound) as refused:
        async for _ in images.pull(f"{registry}/nope", "1", Credentials()):
            pass
    assert str(refused.value) == f"manifest for {registry}/nope:1 not found: manifest unknown: manifest unknown"


async def test_a_registry_that_is_not_there_is_told_to_be(images: Images) -> None:
    with pytest.raises(Fault, match="connection refused"):
        async for _ in images.pull("localhost:1/x", "1", Credentials()):
            pass


async def test_saved_archives_are_also_oci_layouts(images: Images, archive: bytes) -> None:
    await load(images, archive)
    saved = b"".join([piece async for piece in images.save(["busybox"])])
    with tarfile.open(fileobj=io.BytesIO(saved)) as tar:
        index = json.load(tar.extractfile("index.json"))  # type: ignore[arg-type]
        member = index["manifests"][0]["digest"].replace(":", "/")
        assert json.load(tar.extractfile(f"blobs/{member}"))["layers"]  # type: ignore[arg-type]
