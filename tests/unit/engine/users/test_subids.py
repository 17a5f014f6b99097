"""/etc/subuid."""

from pathlib import Path

import pytest

from engine.users import subids
from engine.users.subids import Range
from proto.errdefs import InvalidArgument


def test_lines_that_are_none_are_nobodys() -> None:
    lines = ["a:100000:65536\n", "", "# b:1:1", "b:1", "c:x:1", "d:1:0", "1000:7:8\n"]
    assert subids.parse(lines) == [Range("a", 100_000, 65_536), Range("1000", 7, 8)]


def test_a_user_is_meant_by_name_or_number() -> None:
    ranges = [Range("a", 1, 2), Range("1000", 10, 2), Range("b", 20, 2)]
    assert subids.owned(ranges, "a", 1000) == ranges[:2]


def test_a_user_without_ranges_is_refused_in_dockerds_words() -> None:
    with pytest.raises(InvalidArgument, match='^no subuid ranges found for user "a"$'):
        subids.owned([], "a", 1)


def test_a_file_that_is_not_there_has_no_ranges(tmp_path: Path) -> None:
    assert subids.read(str(tmp_path / "subuid")) == []
