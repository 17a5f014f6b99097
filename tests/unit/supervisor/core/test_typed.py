"""Typed values."""

import pytest

from supervisor.core.typed import TypedValue


def test_a_typed_value_is_compared_and_cannot_change() -> None:
    """It is passed on as it came."""
    assert TypedValue("a", b"1") == TypedValue("a", b"1")
    with pytest.raises(AttributeError):
        TypedValue("a").value = b"2"  # type: ignore[misc]
