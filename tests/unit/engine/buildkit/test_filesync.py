"""A client's folder becomes a kept context; a client that lies gets nothing written outside of it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.builder.output import Line
from engine.buildkit import filesync
from engine.buildkit.filesync import Receiver, Wanted
from engine.buildkit.synced import Synced
from proto.buildkit.types.fsutil_pb2 import Packet, Stat
from proto.errdefs import Fault, InvalidArgument, NotFound, Unavailable, Unimplemented
from tests.fakes.buildkit_session import Files, files, raw, session

_FOLDER, _LINK = 1 << 31, 1 << 27
_END = Packet(type=Packet.PACKET_STAT).SerializeToString()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Synced]:
    made = Synced(str(tmp_path / "kept"))
    yield made
    made.close()


def _stat(path: str, mode: int = 0o644, **rest: object) -> bytes:
    found = Stat(path=path, mode=mode, **rest)  # type: ignore[arg-type]
    return Packet(type=Packet.PACKET_STAT, stat=found).SerializeToString()


def _data(number: int, data: bytes = b"") -> bytes:
    return Packet(type=Packet.PACKET_DATA, ID=number, data=data).SerializeToString()


def _said(answers: list[bytes]) -> list[tuple[int, int]]:
    return [(packet.type, packet.ID) for packet in map(Packet.FromString, answers)]


def test_files_are_asked_for_and_the_end_is_told_once_all_is_here(kept: Synced, tmp_path: Path) -> None:
    receiver = Receiver(kept)

    first = receiver.take([_stat("a", _FOLDER | 0o750, modTime=7_000_000_000), _stat("a/f", size=5, modTime=9), _END])
    assert _said(first) == [(Packet.PACKET_REQ, 1)]
    assert receiver.take([_data(1, b"he"), _data(1, b"llo")]) == []
    assert _said(receiver.take([_data(1)])) == [(Packet.PACKET_FIN, 0)]
    assert receiver.done
    made = tmp_path / "kept/tree/a/f"
    assert (made.read_bytes(), made.stat().st_mtime_ns) == (b"hello", 9)
    assert (tmp_path / "kept/tree/a").stat().st_mode & 0o7777 == 0o750
    assert (tmp_path / "kept/tree/a").stat().st_mtime == 7


def test_the_last_file_may_come_before_the_lists_end(kept: Synced) -> None:
    receiver = Receiver(kept)

    receiver.take([_stat("a"), _data(0, b"x"), _data(0)])
    assert not receiver.done
    assert _said(receiver.take([_END])) == [(Packet.PACKET_FIN, 0)]


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([_stat("../evil"), _END], "no folder"),
        ([_stat("/evil"), _END], "no path"),
        ([_stat("l", _LINK, linkname="/"), _stat("l/evil"), _END], "no folder"),
        ([_stat("b"), _stat("a"), _END], "out of order"),
        ([_stat("hard", linkname="../../evil"), _END], "not listed"),
        ([_stat("dev", 1 << 26), _END], "device"),
        ([_data(0, b"x")], "not asked for"),
        ([_stat("d", _FOLDER), _data(0, b"x")], "not asked for"),
        ([_stat("a"), _data(0, b"x"), _data(0), _data(0, b"y")], "not asked for"),
        ([_stat("a", size=1), _data(0, b"x" * (65 << 20))], "grown"),
        ([_stat("a"), _END, _stat("b")], "after its end"),
        ([_stat("a"), _END, _END], "ends twice"),
        ([Packet(type=Packet.PACKET_FIN).SerializeToString()], "before all"),
        ([Packet(type=Packet.PACKET_REQ, ID=3).SerializeToString()], "no place"),
        ([Packet(type=Packet.PACKET_ERR, data=b"disk on fire").SerializeToString()], "disk on fire"),
        ([b"\xff\xff\xff"], "cannot be read"),
    ],
)
def test_a_client_that_lies_is_refused_and_nothing_is_written_outside(
    messages: list[bytes], words: str, kept: Synced, tmp_path: Path
) -> None:
    receiver = Receiver(kept)
    try:
        with pytest.raises(InvalidArgument, match=words):
            receiver.take(messages)
    finally:
        receiver.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept"]
    assert sorted(each.name for each in (tmp_path / "kept").iterdir()) in (["tree"], ["list", "tree"])


def test_patterns_that_are_not_ascii_are_encoded_and_say_so() -> None:
    headers = Wanted("context", exclude=("a b", "naïve/*"), follow=("plain",), include=("tab\t",)).metadata()

    assert headers == [
        ("dir-name", "context"),
        ("followpaths", "plain"),
        ("include-patterns", "tab%09"),
        ("include-patterns-encoded", "1"),
        ("exclude-patterns", "a+b"),
        ("exclude-patterns", "na%C3%AFve%2F%2A"),
        ("exclude-patterns-encoded", "1"),
    ]


async def test_a_folder_comes_whole_then_only_what_changed(tmp_path: Path) -> None:
    folder = tmp_path / "context"
    (folder / "sub").mkdir(parents=True)
    (folder / "one").write_bytes(b"1" * 100_000)
    (folder / "sub/two").write_text("two")
    (folder / "sub/link").symlink_to("../one")
    service = Files({"context": folder})
    lines: list[Line] = []
    async with session(tmp_path, files(service)) as caller:
        for change in ("", "sub/two", "gone"):
            if change == "gone":
                (folder / "one").unlink()
            elif change:
                (folder / change).write_text("changed")
            synced = Synced(str(tmp_path / "kept"))
            await filesync.receive(caller, Wanted("context"), synced, "context", lines.append)
            synced.close()
    kept = tmp_path / "kept/tree"
    assert [wanted for _, wanted in service.asked] == [["one", "sub/two"], ["sub/two"], []]
    assert sorted(str(each.relative_to(kept)) for each in kept.rglob("*")) == ["sub", "sub/link", "sub/two"]
    assert (kept / "sub/two").read_text() == "changed"
    assert os.readlink(kept / "sub/link") == "../one"
    states = [line["aux"]["state"] for line in lines]
    assert (states[0], states[-1], states.count("done")) == ("running", "done", 3)


async def test_a_client_that_knows_no_such_folder_says_so(tmp_path: Path, kept: Synced) -> None:
    async with session(tmp_path, files(Files({}))) as caller:
        with pytest.raises(NotFound, match="no access allowed"):
            await filesync.receive(caller, Wanted("secret"), kept)


async def test_a_client_without_files_is_told_what_it_lacks(tmp_path: Path, kept: Synced) -> None:
    async with session(tmp_path) as caller:
        caller._methods.clear()
        with pytest.raises(Unimplemented, match="FileSync"):
            await filesync.receive(caller, Wanted("context"), kept)


@pytest.mark.parametrize(
    ("packets", "failure"),
    [([_stat("a")], Unavailable), ([_stat("../a"), _END], InvalidArgument), ([_END, _stat("late")], InvalidArgument)],
    ids=["goes away", "lies", "goes on"],
)
async def test_a_client_that_breaks_off_or_lies_ends_the_transfer(
    packets: list[bytes], failure: type[Fault], tmp_path: Path, kept: Synced
) -> None:
    async def talk(messages: object, context: object):  # type: ignore[no-untyped-def]
        for packet in packets:
            yield packet

    async with session(tmp_path, raw("moby.filesync.v1.FileSync", "DiffCopy", talk)) as caller:
        with pytest.raises(failure):
            await filesync.receive(caller, Wanted("context"), kept)


async def test_a_silent_client_is_given_up(tmp_path: Path, kept: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(messages, context):  # type: ignore[no-untyped-def]
        async for _ in messages:
            yield b""

    monkeypatch.setattr(filesync, "_SILENCE", 0.2)
    async with session(tmp_path, raw("moby.filesync.v1.FileSync", "DiffCopy", talk)) as caller:
        with pytest.raises(Fault, match="sent nothing"):
            await filesync.receive(caller, Wanted("context"), kept)
