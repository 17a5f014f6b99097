"""log.json and exit status → Fault."""

import json

import pytest

from proto.errdefs import FailedPrecondition, Fault, NotFound, Unimplemented
from shim import runtime_errors

REASON = 'runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH'


def line(message: str, level: str = "error", **more: str) -> bytes:
    """One line of a runtime's log."""
    return json.dumps({"level": level, "msg": message, "time": "2026-01-01T00:00:00Z", **more}).encode() + b"\n"


def test_the_last_error_is_the_reason() -> None:
    """Warnings after it and broken lines do not hide it."""
    log = line("first") + line(REASON) + line("by the way", "warning") + b"{half"
    assert runtime_errors.last_error(log) == (REASON, "")


def test_a_log_without_errors_says_nothing() -> None:
    """Nor does an empty one."""
    assert runtime_errors.last_error(line("fine", "info")) == ("", "")
    assert runtime_errors.last_error(b"") == ("", "")


def test_a_failed_create_is_unknown_in_containerds_words() -> None:
    """Whatever code stands beside it: dockerd reads the words."""
    error = runtime_errors.failure(1, b"", line(REASON, code="not_found"))
    fault = runtime_errors.start_fault(error, "OCI runtime create failed")
    assert type(fault) is Fault
    assert str(fault) == f"OCI runtime create failed: {REASON}"


def test_elsewhere_lowrts_code_is_the_class() -> None:
    """It needs no guessing."""
    error = runtime_errors.failure(1, b"", line("container not running", code="failed_precondition"))
    assert isinstance(runtime_errors.fault(error, "OCI runtime pause failed"), FailedPrecondition)


def test_without_a_log_the_output_is_the_reason() -> None:
    """And without that, the status."""
    assert str(runtime_errors.fault(runtime_errors.failure(1, b"broken\n", b""), "x")) == "x: broken"
    assert str(runtime_errors.fault(runtime_errors.failure(3, b"", b""), "x")) == "x: exit status 3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("container not running", "process already finished"),
        ("os: process already finished", "process already finished"),
        ("kill: No such process", "process already finished"),
        ("container does not exist", "no such container"),
    ],
)
def test_a_kill_of_nobody_is_not_found(text: str, message: str) -> None:
    """By the phrases that runc and crun have for it."""
    fault = runtime_errors.kill_fault(runtime_errors.failure(1, b"", line(text)))
    assert isinstance(fault, NotFound)
    assert str(fault) == message


def test_another_failed_kill_is_what_it_says() -> None:
    """A bad signal, say."""
    fault = runtime_errors.kill_fault(runtime_errors.failure(1, b"unknown signal", b""))
    assert str(fault) == "unknown error after kill: unknown signal"


def test_a_verb_the_runtime_does_not_know_is_unimplemented() -> None:
    """checkpoint, with lowrt."""
    error = runtime_errors.failure(3, b"No help topic for 'checkpoint'", b"")
    assert isinstance(runtime_errors.fault(error, "OCI runtime checkpoint failed"), Unimplemented)


def test_a_container_that_is_gone_is_recognised() -> None:
    """Delete is content with that."""
    assert runtime_errors.is_gone(runtime_errors.failure(1, b"", line("container does not exist")))
    assert not runtime_errors.is_gone(runtime_errors.failure(1, b"", line("busy")))
