"""Ranges of ids for one container each."""

from pathlib import Path

import pytest

from engine.users.idmap import Extent, IdMap
from engine.users.ranges import Ranges, first_gap, parse_auto
from engine.users.subids import Range
from proto.errdefs import FailedPrecondition, InvalidArgument, ResourceExhausted


@pytest.fixture
def ranges(tmp_path: Path) -> Ranges:
    for name, text in (("subuid", "containers:1000:4096\n"), ("subgid", "other:1:9\ncontainers:9000:4096\n")):
        (tmp_path / name).write_text(text)
    return Ranges(str(tmp_path / "subuid"), str(tmp_path / "subgid"))


@pytest.mark.parametrize(
    ("mode", "size"), [("auto", 65_536), ("auto:size=2048", 2048), ("host", None), ("auto:", None)]
)
def test_what_is_asked_for(mode: str, size: int | None) -> None:
    assert parse_auto(mode) == size


@pytest.mark.parametrize("mode", ["auto:size=1", "auto:size=9999999999"])
def test_a_size_that_cannot_work_is_refused(mode: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^invalid userns mode: {mode}"):
        parse_auto(mode)


def test_each_container_has_ids_of_its_own(ranges: Ranges) -> None:
    with ranges.taking("a"), ranges.taking("b"):
        first = ranges.take("a", 2048, [])
        second = ranges.take("b", 2048, [])
        assert (first.root, second.root) == ((1000, 9000), (3048, 11_048))
        with pytest.raises(ResourceExhausted, match="no 1024 ids in a row"):
            ranges.take("c", 1024, [])


def test_what_rows_have_is_taken(ranges: Ranges) -> None:
    row = IdMap((Extent(0, 1000, 1024),), (Extent(0, 10_000, 1024),))
    assert ranges.take("a", 1024, [row]).lines() == ("0 2024 1024\n", "0 11024 1024\n")


def test_a_creation_that_failed_gives_its_ids_back(ranges: Ranges) -> None:
    for name in ("a", "b", "c"):
        with ranges.taking(name):
            assert ranges.take(name, 4096, []).root == (1000, 9000)


def test_a_host_that_hands_out_none_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(FailedPrecondition, match='needs ids for the user "containers"'):
        Ranges(str(tmp_path / "none"), str(tmp_path / "none")).take("a", 1024, [])


def test_the_first_gap_lies_between_two_or_in_the_next_range() -> None:
    allowed = [Range("containers", 0, 30), Range("containers", 100, 30)]
    taken = [Extent(0, 20, 10), Extent(0, 0, 10)]
    assert first_gap(allowed, 10, taken) == 10
    assert first_gap(allowed, 20, taken) == 100
    assert first_gap(allowed, 31, taken) is None
