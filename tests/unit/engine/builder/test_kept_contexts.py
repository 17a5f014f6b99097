"""Kept contexts: only what is new is asked for, what is gone goes, and a tree is what the client listed or nothing."""

import contextlib
import io
import os
import stat
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.builder import sources
from engine.builder.kept_contexts import Kept, KeptContexts
from proto.errdefs import InvalidArgument

FOLDER, FILE, LINK = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777


def _file(path: str, *, inode: int = 1, mode: int = FILE, mtime: int = 7_000_000_001, size: int = 1) -> list[Any]:
    return [path, mode, size, mtime, 9, inode, ""]


def _folder(path: str, mode: int = FOLDER) -> list[Any]:
    return [path, mode, 0, 5_000_000_000, 9, 2, ""]


def _tar(files: dict[int | str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(str(name))
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return io.BytesIO(buffer.getvalue())


@contextlib.asynccontextmanager
async def _opened(tmp_path: Path) -> AsyncIterator[Kept]:
    async with KeptContexts(str(tmp_path)).opened("host:0:/c") as kept:
        yield kept


async def _filled(tmp_path: Path, rows: list[Any], files: dict[int | str, bytes]) -> list[int]:
    async with _opened(tmp_path) as kept:
        lacking = kept.compare(rows)
        kept.unpack(_tar(files))
        _agrees(kept)
        return lacking


def _agrees(kept: Kept) -> None:
    """The tree in memory is the folder on the disk."""
    assert kept.tree is not None
    told = kept.tree.find((".",), (), owners=False, parents=False)
    assert told == sources.find(kept.root, (".",), (), owners=False)


async def test_what_has_not_changed_is_not_asked_for_again(tmp_path: Path) -> None:
    rows = [_folder("d"), _file("d/a"), _file("b", inode=2), ["l", LINK, 0, 1, 1, 3, "b"]]
    assert await _filled(tmp_path, rows, {1: b"a", 2: b"b"}) == [1, 2]
    assert await _filled(tmp_path, rows, {}) == []
    assert await _filled(tmp_path, [*rows[:2], _file("b", inode=9), rows[3]], {2: b"c"}) == [2]


@pytest.mark.parametrize(
    "changed", [{"inode": 5}, {"mode": FILE | 1}, {"mtime": 8}, {"size": 2}], ids=lambda each: next(iter(each))
)
async def test_whatever_changed_of_a_file_makes_it_another(tmp_path: Path, changed: dict[str, int]) -> None:
    await _filled(tmp_path, [_file("a")], {0: b"1"})
    assert await _filled(tmp_path, [_file("a", **changed)], {0: b"2"}) == [0]


async def test_what_is_gone_goes_and_kinds_may_change(tmp_path: Path) -> None:
    await _filled(
        tmp_path, [_folder("d"), _file("d/a"), _folder("e"), _file("e/b"), _file("f")], {1: b"1", 3: b"2", 4: b"3"}
    )
    rows = [_folder("d", FOLDER | 0o22), ["e", LINK, 0, 1, 1, 3, "d"], _folder("f"), _file("f/x")]
    assert await _filled(tmp_path, rows, {3: b"4"}) == [3]
    async with _opened(tmp_path) as kept:
        assert kept.compare(rows) == []
        assert sorted(os.listdir(kept.root)) == ["d", "e", "f"]
        status = os.stat("d", dir_fd=kept.root)
        assert (status.st_mode, status.st_mtime) == (FOLDER | 0o22, 5)


async def test_a_file_is_replaced_and_never_written_into(tmp_path: Path) -> None:
    await _filled(tmp_path, [_file("a")], {0: b"1"})
    async with _opened(tmp_path) as kept:
        held = os.open("a", os.O_RDONLY, dir_fd=kept.root)
        kept.compare([_file("a", inode=4)])
        kept.unpack(_tar({0: b"2"}))
        assert os.pread(held, 9, 0) == b"1"
        os.close(held)


async def test_a_tree_that_nobody_finished_is_believed_by_nobody(tmp_path: Path) -> None:
    await _filled(tmp_path, [_file("a"), _file("b")], {0: b"1", 1: b"2"})
    async with _opened(tmp_path) as kept:
        assert kept.compare([_file("a"), _file("b", inode=7)]) == [1]
        with pytest.raises(InvalidArgument, match="1 files of the context did not come"):
            kept.unpack(_tar({}))
    async with _opened(tmp_path) as kept:
        assert kept.compare([_file("a"), _file("b", inode=7)]) == [0, 1]
        assert os.listdir(kept.root) == []


async def test_a_file_that_is_taken_out_must_come_again(tmp_path: Path) -> None:
    async with _opened(tmp_path) as kept:
        kept.compare([_file("Dockerfile"), _file("a", inode=2)])
        kept.unpack(_tar({0: b"F", 1: b"a"}))
        kept.remove("./Dockerfile")
        _agrees(kept)
    assert await _filled(tmp_path, [_file("Dockerfile"), _file("a", inode=2)], {0: b"F"}) == [0]


@pytest.mark.parametrize(
    "row",
    [
        *(["../a", FILE, 1, 1, 1, 1, ""], ["/a", FILE, 1, 1, 1, 1, ""], ["a//b", FILE, 1, 1, 1, 1, ""]),
        *(["", FOLDER, 1, 1, 1, 1, ""], ["a", stat.S_IFCHR, 1, 1, 1, 1, ""], ["a", FILE, -1, 1, 1, 1, ""]),
        *(
            ["a", FILE],
            "a",
            None,
            ["a", FILE, "1", 1, 1, 1, ""],
            ["a\0b", FILE, 1, 1, 1, 1, ""],
            ["a", LINK, 0, 1, 1, 1, ""],
        ),
    ],
)
async def test_a_list_is_checked(tmp_path: Path, row: Any) -> None:
    async with _opened(tmp_path) as kept:
        with pytest.raises(InvalidArgument):
            kept.compare([row])


async def test_nothing_leads_out_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    async with _opened(tmp_path / "kept") as kept:
        assert kept.compare([["d", LINK, 0, 1, 1, 3, str(tmp_path / "outside")], _file("d/a")]) == [1]
        with pytest.raises(InvalidArgument, match="lies in no folder"):
            kept.unpack(_tar({1: b"x"}))
    async with _opened(tmp_path / "kept") as kept:
        kept.compare([_file("a")])
        with pytest.raises(InvalidArgument, match="was not asked for"):
            kept.unpack(_tar({"../../outside/x": b"x"}))
    assert list((tmp_path / "outside").iterdir()) == []


async def test_a_context_that_another_build_has_is_begun_anew_and_forgotten(tmp_path: Path) -> None:
    contexts = KeptContexts(str(tmp_path))
    async with contexts.opened("k") as first:
        first.compare([_file("a")])
        first.unpack(_tar({0: b"1"}))
        async with contexts.opened("k") as second:
            assert second.compare([_file("a")]) == [0]
        (usage,) = contexts.usage()
        assert usage[1:] == (1, usage[2], True)
        assert not contexts.remove(usage[0])
    assert len(list(tmp_path.iterdir())) == 1
    assert contexts.remove(usage[0])
    assert contexts.usage() == []


async def test_an_engines_start_keeps_whole_trees_that_were_used_of_late(tmp_path: Path) -> None:
    contexts = KeptContexts(str(tmp_path))
    for key in ("whole", "old", "half"):
        async with contexts.opened(key) as kept:
            kept.compare([_file("a")])
            if key != "half":
                kept.unpack(_tar({0: b"1"}))
            if key == "old":
                (name,) = {each[0] for each in contexts.usage() if each[3]}
                os.utime(tmp_path / name / "list", (1, 1))
    contexts.sweep()
    assert len(contexts.usage()) == len(list(tmp_path.iterdir())) == 1


async def test_only_so_many_contexts_stay_and_never_one_that_is_in_use_goes(tmp_path: Path) -> None:
    contexts = KeptContexts(str(tmp_path / "contexts"))
    newest = ""
    async with contexts.opened("held") as held:
        held.compare([])
        held.unpack(_tar({}))
        os.utime(f"{held._folder}/list", (1, 1))
        for number in range(20):
            async with contexts.opened(f"key {number}") as kept:
                kept.compare([])
                kept.unpack(_tar({}))
                os.utime(f"{kept._folder}/list", (1000 + number, 1000 + number))
                newest = kept._folder
        assert os.path.exists(f"{held._folder}/list")
    assert len(os.listdir(tmp_path / "contexts")) == 16
    assert os.path.exists(newest)
    assert not os.path.exists(held._folder)
