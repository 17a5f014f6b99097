"""Protobuf by hand agrees with the library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.containerd.runtime.bootstrap.v1 import bootstrap_pb2
from proto.containerd.runtime.task.v2 import shim_pb2
from shim import wire


@given(st.text(max_size=300), st.text(max_size=300))
def test_strings_are_found_by_their_number(first: str, second: str) -> None:
    """Both of a message's fields, the library's bytes."""
    message = bootstrap_pb2.BootstrapParams(instance_id=first, namespace=second, log_level=-4)
    found = wire.fields(message.SerializeToString())
    assert (wire.text(found, 1), wire.text(found, 2), wire.text(found, 9)) == (first, second, "")


@given(st.integers(0, 2**32 - 1), st.integers(0, 255), st.integers(0, 2**62))
def test_what_is_written_is_read_by_the_library(pid: int, status: int, at: int) -> None:
    """Numbers, a nested message, a time."""
    data = wire.number_field(1, pid) + wire.number_field(2, status) + wire.bytes_field(3, wire.timestamp(at))
    message = shim_pb2.DeleteResponse.FromString(data)
    assert (message.pid, message.exit_status) == (pid, status)
    assert message.exited_at.seconds * 10**9 + message.exited_at.nanos == at


@pytest.mark.parametrize("data", [b"\x0a\x05ab", b"\x0a", b"\x0b", b"\xff" * 20])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    """Truncated, or of a wire type that is not used any more."""
    with pytest.raises(ValueError, match="protobuf"):
        wire.fields(data)


@given(st.binary(max_size=200))
def test_no_input_does_worse_than_a_value_error(data: bytes) -> None:
    """It comes from a pipe."""
    try:
        wire.fields(data)
    except ValueError:
        return
