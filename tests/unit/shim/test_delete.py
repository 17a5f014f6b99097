"""`delete`'s answer."""

from proto.containerd.runtime.task.v2 import shim_pb2
from shim.delete import response


def test_the_answer_is_a_delete_response() -> None:
    """Written without the library."""
    message = shim_pb2.DeleteResponse.FromString(response(4711, 137, 1_700_000_000_000_000_005))
    assert (message.pid, message.exit_status) == (4711, 137)
    assert (message.exited_at.seconds, message.exited_at.nanos) == (1_700_000_000, 5)
