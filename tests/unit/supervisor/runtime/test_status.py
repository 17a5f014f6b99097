"""The words for a task's states."""

from proto.containerd.types.task.task_pb2 import Status
from supervisor.runtime.status import status_word


def test_every_state_has_its_word() -> None:
    words = [status_word(number) for number in Status.values()]
    assert words == ["unknown", "created", "running", "stopped", "paused", "pausing"]
    assert status_word(99) == "unknown"
