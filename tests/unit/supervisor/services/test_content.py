from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proto.containerd.services.content.v1 import content_pb2 as api
from proto.errdefs import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, OutOfRange
from supervisor.content.digests import digest_of
from supervisor.services.content import ContentService
from tests.fakes.supervisor_transfer import TestStores, open_stores

DATA = b"0123456789"
DIGEST = digest_of(DATA)
STAT, WRITE, COMMIT = api.WriteAction.STAT, api.WriteAction.WRITE, api.WriteAction.COMMIT


class Context:
    """A caller in a namespace."""

    def __init__(self, namespace: str = "ns") -> None:
        self.namespace = namespace

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("containerd-namespace", self.namespace),)


@pytest.fixture
def stores(tmp_path: Path) -> Any:
    with open_stores(tmp_path) as stores:
        yield stores


@pytest.fixture
def service(stores: TestStores) -> ContentService:
    return ContentService(stores.content)


async def write(service: ContentService, *requests: api.WriteContentRequest) -> list[api.WriteContentResponse]:
    async def stream() -> AsyncIterator[api.WriteContentRequest]:
        for request in requests:
            yield request

    return [response async for response in service.Write(stream(), Context())]


async def put(service: ContentService, data: bytes = DATA, **labels: str) -> str:
    request = api.WriteContentRequest(action=COMMIT, ref="r", data=data, total=len(data), labels=labels)
    return (await write(service, request))[0].digest


async def test_a_write_is_answered_step_by_step(service: ContentService) -> None:
    stat, written, committed = await write(
        service,
        api.WriteContentRequest(action=STAT, ref="r", total=10),
        api.WriteContentRequest(action=WRITE, data=DATA[:4]),
        api.WriteContentRequest(action=COMMIT, data=DATA[4:], offset=4, expected=DIGEST, labels={"a": "b"}),
    )
    assert (stat.offset, stat.total, stat.digest) == (0, 10, digest_of(b""))
    assert (written.offset, written.digest) == (4, digest_of(DATA[:4]))
    assert (committed.offset, committed.digest) == (10, DIGEST)
    info = (await service.Info(api.InfoRequest(digest=DIGEST), Context())).info
    assert (info.size, dict(info.labels)) == (10, {"a": "b"})


async def test_a_broken_off_write_is_resumed_by_its_ref(service: ContentService) -> None:
    await write(service, api.WriteContentRequest(action=WRITE, ref="r", data=DATA[:4], total=10))
    assert (await service.Status(api.StatusRequest(ref="r"), Context())).status.offset == 4
    stat, done = await write(
        service,
        api.WriteContentRequest(action=STAT, ref="r", total=10),
        api.WriteContentRequest(action=COMMIT, data=DATA[4:], offset=4, expected=DIGEST),
    )
    assert stat.offset == 4
    assert done.digest == DIGEST


async def test_an_offset_elsewhere_is_out_of_range_and_zero_begins_anew(service: ContentService) -> None:
    with pytest.raises(OutOfRange, match="write @7 must occur at current offset 4"):
        await write(
            service,
            api.WriteContentRequest(action=WRITE, ref="r", data=b"xxxx"),
            api.WriteContentRequest(action=WRITE, offset=7, data=b"x"),
        )
    assert await put(service) == DIGEST


async def test_wrong_ends_are_refused_in_containerds_words(service: ContentService) -> None:
    with pytest.raises(FailedPrecondition, match="failed size validation: 10 != 11"):
        await write(service, api.WriteContentRequest(action=COMMIT, ref="r", data=DATA, total=11))
    with pytest.raises(FailedPrecondition, match="unexpected commit digest"):
        await write(service, api.WriteContentRequest(action=COMMIT, ref="q", data=DATA, expected=digest_of(b"x")))
    with pytest.raises(InvalidArgument, match="first message must have a reference"):
        await write(service, api.WriteContentRequest(action=STAT))
    with pytest.raises(InvalidArgument):
        await write(service, api.WriteContentRequest(action=STAT, ref="r", expected="sha256:../../x"))


async def test_what_is_here_exists_already_and_its_ingest_goes(service: ContentService) -> None:
    await put(service)
    with pytest.raises(AlreadyExists, match=f"content {DIGEST}: already exists"):
        await write(service, api.WriteContentRequest(action=STAT, ref="x", expected=DIGEST))
    with pytest.raises(AlreadyExists, match=f"blob with expected digest {DIGEST} exists"):
        await write(
            service,
            api.WriteContentRequest(action=STAT, ref="y"),
            api.WriteContentRequest(action=COMMIT, expected=DIGEST),
        )
    assert not (await service.ListStatuses(api.ListStatusesRequest(), Context())).statuses


async def test_reading_has_offset_and_size(service: ContentService) -> None:
    await put(service)

    async def read(offset: int, size: int) -> bytes:
        request = api.ReadContentRequest(digest=DIGEST, offset=offset, size=size)
        return b"".join([answer.data async for answer in service.Read(request, Context())])

    assert [await read(0, 0), await read(3, 4), await read(8, 100), await read(10, 0)] == [DATA, b"3456", b"89", b""]
    with pytest.raises(OutOfRange, match="read past object length 10 bytes"):
        await read(11, 0)
    with pytest.raises(InvalidArgument, match="invalid checksum digest"):
        await anext(service.Read(api.ReadContentRequest(digest="sha256:../x"), Context()))


async def test_lists_come_in_messages_of_a_hundred(service: ContentService) -> None:
    for number in range(150):
        await put(service, str(number).encode())
    answers = [answer async for answer in service.List(api.ListContentRequest(), Context())]
    assert [len(answer.info) for answer in answers] == [100, 50]


async def test_labels_are_updated_under_a_mask(service: ContentService) -> None:
    await put(service, a="1")
    request = api.UpdateRequest(info=api.Info(digest=DIGEST, labels={"b": "2"}))
    request.update_mask.paths.append("labels.b")
    assert dict((await service.Update(request, Context())).info.labels) == {"a": "1", "b": "2"}
    with pytest.raises(InvalidArgument, match='"x" failed validation'):
        await service.Info(api.InfoRequest(digest="x"), Context())


async def test_namespaces_do_not_see_each_others_blobs(service: ContentService) -> None:
    await put(service)
    with pytest.raises(NotFound):
        await service.Info(api.InfoRequest(digest=DIGEST), Context("other"))
    with pytest.raises(NotFound):
        await service.Delete(api.DeleteContentRequest(digest=DIGEST), Context("other"))
    await service.Delete(api.DeleteContentRequest(digest=DIGEST), Context())


async def test_abort_and_status_of_nothing_are_not_found(service: ContentService) -> None:
    with pytest.raises(NotFound):
        await service.Abort(api.AbortRequest(ref="r"), Context())
    with pytest.raises(NotFound, match='could not get status for ref "r"'):
        await service.Status(api.StatusRequest(ref="r"), Context())
