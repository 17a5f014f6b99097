import asyncio
from collections.abc import Callable

import pytest

from proto.errdefs import Fault, NotFound, Unimplemented
from supervisor.core.digests import Platform
from supervisor.transfer.endpoints import ExportEnd, ExtraReference, ImageStoreEnd, ImportEnd, RegistryEnd
from supervisor.transfer.local import Transfers
from supervisor.transfer.streams import Stream
from tests.fakes.supervisor_archives import LAYERS, Listener, export
from tests.fakes.supervisor_transfer import TestStores
from tests.raw_tar import archive, file

Make = Callable[..., bytes]
Open = Callable[[bytes], Stream]
NAME = "docker.io/library/x:1"


async def test_an_import_stores_unpacks_and_tells(
    transfers: Transfers,
    stores: TestStores,
    docker_archive: Make,
    import_stream: Open,
    store_end: ImageStoreEnd,
    listener: Listener,
) -> None:
    stream = import_stream(docker_archive("x:1", "y:2"))
    await transfers.transfer("ns", ImportEnd(stream), store_end, listener)
    assert [image.name for image in stores.images.list("ns")] == [NAME, "docker.io/library/y:2"]
    assert [name for name in listener.names() if "extract" not in name] == [
        "Importing",
        "saved",
        "saved",
        "Completed import",
    ]
    assert len(stores.folders.infos) == len(LAYERS)
    assert stores.leases.list("ns") == []


async def test_an_import_without_names_that_fit_is_no_failure(
    transfers: Transfers, stores: TestStores, docker_archive: Make, import_stream: Open
) -> None:
    end = ImageStoreEnd(extra_references=[ExtraReference("other", is_prefix=True)])
    await transfers.transfer("ns", ImportEnd(import_stream(docker_archive("x:1"))), end)
    assert stores.images.list("ns") == []


async def test_an_import_of_another_platform_is_stored_but_not_unpacked(
    transfers: Transfers, stores: TestStores, docker_archive: Make, import_stream: Open, store_end: ImageStoreEnd
) -> None:
    stream = import_stream(docker_archive("x:1", architecture="s390x"))
    await transfers.transfer("ns", ImportEnd(stream), store_end)
    assert stores.images.get("ns", NAME)
    assert stores.folders.infos == {}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "unrecognized image format"),
        (b"not a tar at all" * 100, "invalid tar header"),
        (archive(file("x")), "unrecognized image format"),
    ],
)
async def test_a_corrupt_archive_leaves_nothing(
    transfers: Transfers, stores: TestStores, import_stream: Open, store_end: ImageStoreEnd, data: bytes, words: str
) -> None:
    with pytest.raises(Fault, match=words):
        await transfers.transfer("ns", ImportEnd(import_stream(data)), store_end)
    assert stores.images.list("ns") == []
    assert stores.leases.list("ns") == []
    assert list(stores.content.statuses("ns")) == []


async def test_a_layer_that_is_not_what_the_config_says_leaves_no_image_and_no_snapshot(
    transfers: Transfers, stores: TestStores, docker_archive: Make, import_stream: Open, store_end: ImageStoreEnd
) -> None:
    data = docker_archive("x:1", rootfs={"type": "layers", "diff_ids": ["sha256:" + "0" * 64, "sha256:" + "1" * 64]})
    with pytest.raises(Fault, match="wrong diff id"):
        await transfers.transfer("ns", ImportEnd(import_stream(data)), store_end)
    assert (stores.images.list("ns"), stores.folders.infos, stores.leases.list("ns")) == ([], {}, [])


async def test_a_client_that_goes_away_leaves_nothing(
    transfers: Transfers, stores: TestStores, docker_archive: Make, store_end: ImageStoreEnd
) -> None:
    async def never():  # type: ignore[no-untyped-def]
        await asyncio.sleep(60)
        yield None

    work = asyncio.ensure_future(transfers.transfer("ns", ImportEnd(Stream(never())), store_end))
    await asyncio.sleep(0.05)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (stores.images.list("ns"), stores.leases.list("ns")) == ([], [])


async def test_what_was_exported_can_be_imported(
    transfers: Transfers, stores: TestStores, docker_archive: Make, import_stream: Open, store_end: ImageStoreEnd
) -> None:
    await transfers.transfer("ns", ImportEnd(import_stream(docker_archive("x:1"))), store_end)
    data = await export(transfers, ImageStoreEnd(NAME), ExportEnd)
    await transfers.transfer("other", ImportEnd(import_stream(data)), store_end)
    assert stores.images.get("other", NAME).target.digest == stores.images.get("ns", NAME).target.digest


async def test_exports_need_names_that_are_there(transfers: Transfers, import_stream: Open) -> None:
    with pytest.raises(NotFound):
        await transfers.transfer("ns", ImageStoreEnd("missing"), ExportEnd(import_stream(b"")))
    source = ImageStoreEnd(extra_references=[ExtraReference("x", is_prefix=True)])
    with pytest.raises(Unimplemented, match="prefix lookup"):
        await transfers.transfer("ns", source, ExportEnd(import_stream(b"")))


async def test_a_tag_is_one_more_name(
    transfers: Transfers, stores: TestStores, docker_archive: Make, import_stream: Open, store_end: ImageStoreEnd
) -> None:
    await transfers.transfer("ns", ImportEnd(import_stream(docker_archive("x:1"))), store_end)
    await transfers.transfer("ns", ImageStoreEnd(NAME), ImageStoreEnd("again:1", {"a": "b"}))
    again = stores.images.get("ns", "again:1")
    assert again.target == stores.images.get("ns", NAME).target
    assert again.labels == {"a": "b"}
    with pytest.raises(NotFound):
        await transfers.transfer("ns", ImageStoreEnd("missing"), ImageStoreEnd("x"))


async def test_an_echo_gives_back_what_it_got(transfers: Transfers, import_stream: Open) -> None:
    source = ImportEnd(import_stream(b"some bytes"))
    assert await export(transfers, source, ExportEnd) == b"some bytes"  # type: ignore[arg-type]


async def test_pairs_that_make_no_sense_are_not_implemented(transfers: Transfers) -> None:
    with pytest.raises(Unimplemented, match=r"unable to transfer from OCI Registry \(x\) to OCI Registry \(y\)"):
        await transfers.transfer("ns", RegistryEnd("x"), RegistryEnd("y"))


async def test_imports_of_the_same_files_at_once_wait_for_each_other(
    transfers: Transfers, stores: TestStores, docker_archive: Make, import_stream: Open, store_end: ImageStoreEnd
) -> None:
    archives = [docker_archive(f"x:{number}", layers=[LAYERS[number % 2]]) for number in range(4)]
    ends = [ImportEnd(import_stream(data)) for data in archives]
    await asyncio.gather(*(transfers.transfer("ns", end, store_end) for end in ends))
    assert len(stores.images.list("ns")) == 4


async def test_an_import_for_a_platform_that_is_not_in_the_archive_is_refused(
    transfers: Transfers, stores: TestStores, docker_archive: Make, import_stream: Open
) -> None:
    end = ImageStoreEnd(platforms=[Platform("linux", "s390x")])
    with pytest.raises(Fault, match="image might be filtered out"):
        await transfers.transfer("ns", ImportEnd(import_stream(docker_archive("x:1"))), end)
    assert stores.leases.list("ns") == []
