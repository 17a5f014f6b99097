"""Words and lists into the numbers of set_mempolicy(2)."""

from typing import Any

import pytest

from lowrt.spec.memory_policy import parse
from lowrt.spec.model import SpecError


@pytest.mark.parametrize(
    ("document", "numbers"),
    [
        ({"mode": "MPOL_DEFAULT"}, (0, 0)),
        ({"mode": "MPOL_BIND", "nodes": "0"}, (2, 1)),
        ({"mode": "MPOL_INTERLEAVE", "nodes": "0-2,5"}, (3, 0b100111)),
        ({"mode": "MPOL_BIND", "nodes": " 1 , 3-3", "flags": ["MPOL_F_STATIC_NODES"]}, (2 | 1 << 15, 0b1010)),
    ],
)
def test_words_become_numbers(document: dict[str, Any], numbers: tuple[int, int]) -> None:
    assert parse(document) == numbers


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"nodes": "0"}, "invalid memory policy mode ''"),
        ({"mode": "BIND"}, "invalid memory policy mode 'BIND'"),
        ({"mode": "MPOL_BIND", "flags": ["x"]}, "invalid memory policy flag 'x'"),
        ({"mode": "MPOL_BIND", "nodes": "a"}, "invalid memory policy nodes 'a'"),
        ({"mode": "MPOL_BIND", "nodes": "2-1"}, "invalid memory policy nodes '2-1'"),
        ({"mode": "MPOL_BIND", "nodes": "0-4294967295"}, "invalid memory policy nodes '0-4294967295'"),
    ],
)
def test_what_is_unknown_is_refused_by_name(document: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse(document)
