"""Go's text, and the functions of templates."""

import pytest

from engine.cli.gofunctions import FUNCTIONS, Stringer, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "<no value>"),
        (True, "true"),
        ([1, "a", None], "[1 a <nil>]"),
        ({"b": 1, "a": [2]}, "map[a:[2] b:1]"),
        ("s", "s"),
    ],
)
def test_values_print_as_in_go(value: object, text: str) -> None:
    """%v, keys sorted."""
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("json", [{"a": [1]}], '{"a":[1]}'),
        ("join", [["a", "b"], "/"], "a/b"),
        ("split", ["a,b", ","], ["a", "b"]),
        ("title", ["abc"], "Abc"),
        ("truncate", ["abcdef", 3], "abc"),
        ("index", [{"a": [5]}, "a", 0], 5),
        ("printf", ["%s-%d", "x", 3], "x-3"),
        ("println", ["a", 1], "a 1\n"),
        ("eq", [1, 2, 1], True),
        ("and", [1, 0, 2], 0),
        ("or", [0, 3], 3),
        ("not", [""], True),
        ("pad", ["x", 1, 2], " x  "),
    ],
)
def test_functions_do_what_docker_s_do(name: str, arguments: list[object], result: object) -> None:
    """Each with a case of its own."""
    assert FUNCTIONS[name](*arguments) == result


def test_a_struct_with_a_text_of_its_own_shows_it_and_its_members_to_json() -> None:
    platform = Stringer({"os": "linux", "architecture": "arm64"}, "linux/arm64")
    assert text_of(platform) == "linux/arm64"
    assert FUNCTIONS["json"](platform) == '{"os":"linux","architecture":"arm64"}'
