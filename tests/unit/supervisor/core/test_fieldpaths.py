"""Update masks."""

import pytest

from supervisor.core.fieldpaths import apply_mask, merge_key


def refuse(path: str) -> Exception:
    return KeyError(path)


def test_a_mask_calls_what_it_names() -> None:
    """Whole fields, and keys of maps with dots in them, in order."""
    called: list[str] = []
    apply_mask(
        ["labels.a.b", "image"],
        {"image": lambda: called.append("image"), "labels": lambda: called.append("all")},
        {"labels": called.append},
        refuse,
    )
    assert called == ["a.b", "image"]


def test_an_unknown_path_is_refused() -> None:
    """With the error that the caller makes of it."""
    with pytest.raises(KeyError, match="runtime"):
        apply_mask(["runtime"], {}, {}, refuse)


def test_a_key_without_a_value_is_taken_away() -> None:
    """Stores keep no empty labels."""
    labels = {"a": "1", "b": "2"}
    merge_key(labels, {"a": "9"}, "a")
    merge_key(labels, {}, "b")
    merge_key(labels, {"c": ""}, "c")
    assert labels == {"a": "9"}
