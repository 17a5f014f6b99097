"""Names."""

import pytest

from engine.containers import names
from proto.errdefs import InvalidArgument


def test_a_slash_in_front_is_taken_off() -> None:
    assert names.check("/web") == "web"


@pytest.mark.parametrize("name", ["x", "-ab", "a b", "a/b", "@"])
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid container name"):
        names.check(name)


def test_an_invented_name_is_free_and_a_name() -> None:
    taken: set[str] = set()
    for _ in range(200):
        name = names.invent(lambda word: "x" if word in taken else None)
        assert names.check(name) not in taken
        taken.add(name)
