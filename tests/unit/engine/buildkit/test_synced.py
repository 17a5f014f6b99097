"""A kept context is what its client's list says, and asks for nothing twice."""

import json
import os
import stat
from pathlib import Path

import pytest

from engine.buildkit.listing import Entry
from engine.buildkit.synced import Synced, Writing

_FILE, _DIR, _LNK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777


def _bring(folder: Path, entries: list[Entry], contents: dict[str, bytes] | None = None) -> list[str]:
    """One transfer; answers what was lacking."""
    synced = Synced(str(folder))
    try:
        lacking = []
        for entry in entries:
            if synced.wants(entry):
                lacking.append(entry.path)
                writing = Writing(entry)
                writing.add(synced, (contents or {}).get(entry.path, b"x" * entry.size))
                synced.keep(entry, writing.end(synced), writing.size)
        synced.finish()
        _bring.tree = synced.tree  # type: ignore[attr-defined]
        _bring.digests = synced.digests  # type: ignore[attr-defined]
        return lacking
    finally:
        synced.close()


def _here(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder / "tree")) for each in (folder / "tree").rglob("*"))


def test_what_agrees_is_not_asked_for_again(tmp_path: Path) -> None:
    entries = [Entry("d", _DIR, 0, 5), Entry("d/f", _FILE, 3, 6), Entry("l", _LNK, 1, 7, "d")]

    assert _bring(tmp_path, entries) == ["d/f"]
    before = (tmp_path / "tree/d/f").stat().st_ino
    assert _bring(tmp_path, entries) == []
    assert (tmp_path / "tree/d/f").stat().st_ino == before
    assert _bring.tree.at("d/f").size == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("changed", [Entry("f", _FILE, 3, 7), Entry("f", _FILE, 4, 6), Entry("f", _FILE | 0o111, 3, 6)])
def test_another_time_size_or_mode_is_another_file(changed: Entry, tmp_path: Path) -> None:
    _bring(tmp_path, [Entry("f", _FILE, 3, 6)])

    assert _bring(tmp_path, [changed]) == ["f"]
    assert (tmp_path / "tree/f").stat().st_mode == changed.mode


def test_kinds_change_places(tmp_path: Path) -> None:
    first = [Entry("a", _DIR, 0, 1), Entry("a/x", _DIR, 0, 1), Entry("a/x/y", _FILE, 1, 1), Entry("b", _FILE, 1, 1)]
    second = [Entry("a", _LNK, 1, 2, "/etc"), Entry("b", _DIR, 0, 2), Entry("b/z", _FILE, 1, 2)]

    _bring(tmp_path, first)
    assert _bring(tmp_path, second) == ["b/z"]
    assert _here(tmp_path) == ["a", "b", "b/z"]
    assert _bring(tmp_path, first) == ["a/x/y", "b"]
    assert _here(tmp_path) == ["a", "a/x", "a/x/y", "b"]


def test_folders_have_their_modes_and_times_whatever_changed_in_them(tmp_path: Path) -> None:
    folder = Entry("d", stat.S_IFDIR | 0o1770, 0, 5_000_000_000)
    _bring(tmp_path, [folder, Entry("d/f", _FILE, 1, 1)])

    for entries in ([folder, Entry("d/f", _FILE, 1, 2)], [folder]):
        _bring(tmp_path, entries)
        found = (tmp_path / "tree/d").stat()
        assert (found.st_mode, found.st_mtime) == (folder.mode, 5)


def test_a_file_with_two_names_has_them_here_too(tmp_path: Path) -> None:
    entries = [Entry("a", _FILE, 2, 1), Entry("b", _FILE, 2, 1, "a"), Entry("p", stat.S_IFIFO | 0o600, 0, 1)]

    assert _bring(tmp_path, entries) == ["a"]
    assert (tmp_path / "tree/a").stat().st_ino == (tmp_path / "tree/b").stat().st_ino
    assert stat.S_ISFIFO((tmp_path / "tree/p").stat().st_mode)
    assert _bring.tree is None  # type: ignore[attr-defined]
    assert list(_bring.digests) == [(tmp_path / "tree/a").stat().st_ino]  # type: ignore[attr-defined]
    assert _bring(tmp_path, entries) == []
    assert _bring(tmp_path, [Entry("a", _FILE, 2, 9), *entries[1:]], {"a": b"zz"}) == ["a"]
    assert (tmp_path / "tree/b").read_bytes() == b"zz"


def test_a_tree_that_was_left_half_done_is_believed_by_nobody(tmp_path: Path) -> None:
    entries = [Entry("a", _FILE, 1, 1), Entry("b", _FILE, 1, 1)]
    _bring(tmp_path, entries)
    synced = Synced(str(tmp_path))
    assert synced.wants(Entry("a", _FILE, 1, 2))
    synced.close()

    assert not (tmp_path / "list").exists()
    assert _bring(tmp_path, entries) == ["a", "b"]


def test_a_list_of_another_boot_or_no_list_at_all_is_not_believed(tmp_path: Path) -> None:
    entries = [Entry("a", _FILE, 1, 1)]
    for text in (json.dumps(["other", [["a", [_FILE, 1, 1, "", ""], "0", 1]]]), "no json", "[]", "{}", "[1, 2]"):
        _bring(tmp_path, entries)
        (tmp_path / "list").write_text(text)

        assert _bring(tmp_path, entries) == ["a"]


def test_an_empty_context_is_one(tmp_path: Path) -> None:
    assert _bring(tmp_path, []) == []
    assert _bring(tmp_path, []) == []


def test_a_large_file_is_written_while_it_comes(tmp_path: Path) -> None:
    synced = Synced(str(tmp_path))
    entry = Entry("large", _FILE, 3 << 20, 1)
    assert synced.wants(entry)
    writing = Writing(entry)
    for _ in range(96):
        writing.add(synced, b"y" * 32768)
    assert (tmp_path / "tree/large").stat().st_size == 3 << 20
    writing.end(synced)
    synced.close()


def test_a_file_can_be_taken_out(tmp_path: Path) -> None:
    entries = [Entry("a", _FILE, 1, 1), Entry("b", _FILE, 1, 1)]
    _bring(tmp_path, entries)
    synced = Synced(str(tmp_path))
    for entry in entries:
        synced.wants(entry)
    synced.finish()
    synced.remove("a")
    synced.close()

    assert os.listdir(tmp_path / "tree") == ["b"]
    assert _bring(tmp_path, entries) == ["a"]
