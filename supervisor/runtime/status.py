"""A task's states, as the shim's protocol numbers them and containerd's clients spell them."""

from proto.containerd.types.task.task_pb2 import Status

_WORDS: dict[int, str] = {
    Status.UNKNOWN: "unknown",
    Status.CREATED: "created",
    Status.RUNNING: "running",
    Status.STOPPED: "stopped",
    Status.PAUSED: "paused",
    Status.PAUSING: "pausing",
}

MUST_STOP = frozenset({Status.RUNNING, Status.PAUSED, Status.PAUSING})


def status_word(status: int) -> str:
    """`running` for RUNNING, and so on."""
    return _WORDS.get(status, "unknown")
