"""Fault classes and their codes."""

import pytest

from proto import errdefs


def test_every_code_comes_back_as_its_class() -> None:
    """A status read from the wire is the Fault that was written."""
    for kind in (errdefs.NotFound, errdefs.AlreadyExists, errdefs.FailedPrecondition, errdefs.Unavailable):
        fault = errdefs.fault_from_code(kind.code, "words")
        assert type(fault) is kind
        assert fault.message == "words"


@pytest.mark.parametrize("code", [2, 99])
def test_a_code_without_a_class_is_a_plain_fault(code: int) -> None:
    """UNKNOWN says nothing a caller could branch on."""
    assert type(errdefs.fault_from_code(code, "words")) is errdefs.Fault


def test_conflict_and_not_modified_travel_as_failed_precondition() -> None:
    """The engine decides 304 and 409 before it calls down."""
    assert errdefs.Conflict.code == errdefs.NotModified.code == errdefs.FailedPrecondition.code
