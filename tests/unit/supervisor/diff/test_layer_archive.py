import os
from pathlib import Path

import pytest

from supervisor.diff.changes import changes
from supervisor.diff.layer_archive import LayerArchive
from supervisor.diff.tar_entry import DIRECTORY, LINK, REGULAR
from supervisor.diff.tar_reader import TarReader


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
    return tmp_path / "left", tmp_path / "right"


def entries(sides: tuple[Path, Path], latest: int | None = None) -> list[tuple[bytes, bytes, int]]:
    fds = [os.open(side, os.O_RDONLY | os.O_DIRECTORY) for side in sides]
    out: list[bytes] = []
    try:
        LayerArchive(fds[1], out.append, latest).write_all(changes(*fds))
    finally:
        for fd in fds:
            os.close(fd)
    return [(entry.name, entry.kind, entry.mtime_ns) for entry in TarReader(iter([b"".join(out)])).entries()]


def test_parents_come_before_what_changed_inside(sides: tuple[Path, Path]) -> None:
    for side in sides:
        (side / "a" / "b").mkdir(parents=True)
    (sides[1] / "a" / "b" / "new").write_text("x")
    assert [entry[:2] for entry in entries(sides)] == [(b"a/", DIRECTORY), (b"a/b/", DIRECTORY), (b"a/b/new", REGULAR)]


def test_what_is_gone_has_a_whiteout_of_time_zero(sides: tuple[Path, Path]) -> None:
    (sides[0] / "gone").write_text("x")
    assert entries(sides) == [(b".wh.gone", REGULAR, 0)]


def test_a_file_with_two_names_is_stored_once(sides: tuple[Path, Path]) -> None:
    (sides[1] / "a").write_text("x")
    os.link(sides[1] / "a", sides[1] / "b")
    assert [entry[:2] for entry in entries(sides)] == [(b"a", REGULAR), (b"b", LINK)]


def test_an_unchanged_name_of_a_changed_file_is_linked_to_it(sides: tuple[Path, Path]) -> None:
    for side in sides:
        (side / "a").write_text("x")
        os.utime(side / "a", (1000, 1000))
        os.link(side / "a", side / "c")
    os.link(sides[1] / "a", sides[1] / "b")
    assert [entry[:2] for entry in entries(sides)] == [(b"b", REGULAR), (b"a", LINK), (b"c", LINK)]


def test_times_are_bounded_when_asked_for(sides: tuple[Path, Path]) -> None:
    (sides[1] / "a").write_text("x")
    os.utime(sides[1] / "a", (5000.75, 5000.75))
    assert entries(sides)[0][2] == 5000 * 10**9
    assert entries(sides, latest=1000)[0][2] == 1000 * 10**9


def test_sockets_are_passed_over(sides: tuple[Path, Path]) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as one:
        os.chdir(sides[1])
        one.bind("s")
    os.chdir("/")
    assert entries(sides) == []
