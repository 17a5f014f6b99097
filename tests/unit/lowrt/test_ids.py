"""Container ids name directories, and nothing but a directory below the root."""

import pytest

from lowrt.errors import InvalidArgument
from lowrt.ids import check_id


@pytest.mark.parametrize("name", ["a", "A-1", "a.b", "a_b", "a+b", "a,b", "..a", "x" * 255])
def test_a_good_id_comes_back(name: str) -> None:
    assert check_id(name) == name


@pytest.mark.parametrize("name", [".", "..", "a/b", "/", "a b", "a\n", "ä", "a@b", "a\0", "x" * 256])
def test_a_bad_id_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid container ID format"):
        check_id(name)


def test_an_empty_id_has_a_sentence_of_its_own() -> None:
    with pytest.raises(InvalidArgument, match="container id cannot be empty"):
        check_id("")
