"""A build's result as files and as one stream, to clients that take it, and to others."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.buildkit import filesend
from engine.buildkit.filesend import Tree
from engine.buildkit.listing import Listing
from proto.buildkit.types.fsutil_pb2 import Packet
from proto.errdefs import Aborted, AlreadyExists, Fault, InvalidArgument, Unavailable, Unimplemented
from tests.fakes.buildkit_session import Target, raw, session, target


@pytest.fixture
def result(tmp_path: Path) -> Iterator[int]:
    folder = tmp_path / "result"
    (folder / "a/deep").mkdir(parents=True)
    (folder / "a/deep/file").write_bytes(b"f" * 700_000)
    (folder / "a-").write_text("dash")
    (folder / "a/again").hardlink_to(folder / "a/deep/file")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "run").write_text("#!")
    (folder / "run").chmod(0o4755)
    (folder / "é").write_text("")
    os.mkfifo(folder / "pipe")
    os.utime(folder / "run", ns=(1, 123_456_789))
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def test_a_list_is_in_the_order_that_receivers_want(result: int) -> None:
    packets = [Packet.FromString(each) for each in Tree(result).packets()]
    listing = Listing()
    for packet in packets[:-1]:
        listing.add(packet.stat)

    paths = [entry.path for entry in listing.entries]
    assert paths == ["a", "a/again", "a/deep", "a/deep/file", "a-", "link", "pipe", "run", "é"]
    assert not packets[-1].HasField("stat")
    found = {packet.stat.path: packet.stat for packet in packets}
    assert found["a/deep/file"].linkname == "a/again"
    assert found["link"].linkname == "/etc/passwd"
    assert (found["run"].modTime, found["run"].mode) == (123_456_789, 1 << 23 | 0o755)


async def test_a_tree_arrives_as_it_is(result: int, tmp_path: Path) -> None:
    taken = Target(as_tree=True)
    async with session(tmp_path, target(taken)) as caller:
        await filesend.send_tree(caller, result, 3)
    assert taken.tree == {"a/again": b"f" * 700_000, "a-": b"dash", "run": b"#!", "é": b""}
    assert taken.headers["buildkit-attachable-exporter-id"] == "3"


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_stream_arrives_with_what_is_to_be_known_of_it(tmp_path: Path) -> None:
    taken = Target(as_tree=False)
    async with session(tmp_path, target(taken)) as caller:
        await filesend.send_stream(caller, _pieces(b"a" * 300_000, b"b"), 0, {"image.name": "app"})
    assert taken.data == b"a" * 300_000 + b"b"
    assert taken.headers["exporter-md-image.name"] == "app"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (Packet(type=Packet.PACKET_REQ, ID=99), InvalidArgument),
        (Packet(type=Packet.PACKET_REQ, ID=0), InvalidArgument),
        (Packet(type=Packet.PACKET_DATA, ID=1), InvalidArgument),
        (Packet(type=Packet.PACKET_ERR, data=b"disk full"), Aborted),
        (None, Unavailable),
    ],
    ids=["no such file", "a folder", "data", "error", "nothing"],
)
async def test_a_client_that_asks_for_what_is_none_or_goes_is_no_success(
    answer: Packet | None, failure: type[Fault], result: int, tmp_path: Path
) -> None:
    async def talk(messages: Any, context: Any) -> AsyncIterator[bytes]:
        if answer is None:
            return
        yield answer.SerializeToString()
        async for _ in messages:
            pass

    async with session(tmp_path, raw("moby.filesync.v1.FileSend", "DiffCopy", talk)) as caller:
        with pytest.raises(failure):
            await filesend.send_tree(caller, result, 0)


async def test_a_target_that_exists_is_told_as_it_is(tmp_path: Path) -> None:
    import grpc

    async def talk(messages: Any, context: Any) -> AsyncIterator[bytes]:
        await context.abort(grpc.StatusCode.ALREADY_EXISTS, "target already exists")
        yield b""

    async with session(tmp_path, raw("moby.filesync.v1.FileSend", "DiffCopy", talk)) as caller:
        with pytest.raises(AlreadyExists):
            await filesend.send_stream(caller, _pieces(b"x"), 0, {})


async def test_a_client_that_takes_no_results_is_told_so(tmp_path: Path, result: int) -> None:
    async with session(tmp_path) as caller:
        caller._methods.clear()
        with pytest.raises(Unimplemented, match="FileSend"):
            await filesend.send_tree(caller, result, 0)
