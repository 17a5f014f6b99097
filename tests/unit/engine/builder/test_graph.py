"""Which stages are needed, and what they wait for."""

import pytest

from engine.builder import parser
from engine.builder.graph import base_index, copied_index, plan, stage_index
from proto.errdefs import InvalidArgument

_FILE = parser.parse(
    "FROM x AS a\nFROM x AS b\nRUN --mount=type=bind,from=a,target=/a true\nFROM x AS unused\n"
    "FROM b AS c\nCOPY --from=0 / /\nFROM x AS last\nCOPY --from=c / /\n"
)


def _same(text: str) -> str:
    return text


def test_only_what_the_target_needs_is_planned() -> None:
    found = plan(_FILE, "", _same)
    assert (found.target, found.needed) == (4, (0, 1, 3, 4))
    assert found.waits_for == {4: {3}, 3: {0, 1}, 1: {0}, 0: frozenset()}


def test_a_target_is_a_name_or_a_number() -> None:
    assert plan(_FILE, "B", _same).needed == (0, 1)
    assert plan(_FILE, "0", _same).needed == (0,)
    with pytest.raises(InvalidArgument):
        plan(_FILE, "none", _same)


def test_files_come_from_later_stages_where_buildkit_is_asked_but_never_in_a_circle() -> None:
    file = parser.parse("FROM x AS a\nCOPY --from=b / /\nFROM x AS b\nRUN true\nFROM a AS c\n")
    assert plan(file, "", _same).needed == (0, 2)
    assert plan(file, "", _same, later=True).waits_for == {2: {0}, 0: {1}, 1: frozenset()}
    assert copied_index(file, "b", 0, later=True) == 1
    assert copied_index(file, "b", 0, later=False) is None
    circle = parser.parse("FROM x AS a\nCOPY --from=b / /\nFROM x AS b\nCOPY --from=a / /\n")
    with pytest.raises(InvalidArgument, match="circular dependency detected on stage: b"):
        plan(circle, "", _same, later=True)


def test_only_earlier_stages_can_be_meant_and_from_knows_no_numbers() -> None:
    assert stage_index(_FILE, "c", 3) is None
    assert stage_index(_FILE, "9", 3) is None
    assert base_index(_FILE, "0", 3) is None
    assert base_index(_FILE, "a", 3) == 0
