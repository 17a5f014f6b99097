"""Events of shims on their way to the exchange, and the exits among them kept until the task is deleted.

A shim that reported its container's exit and then died must not have that exit told again with another code; a shim
that died without a word has it told by us.
"""

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from proto.containerd.events import task_pb2
from proto.containerd.runtime.task.v2.shim_pb2 import DeleteResponse
from supervisor.core.events import Envelope, EventExchange
from supervisor.events import topics


class TaskMonitor:
    """Between the shims' events socket and the exchange."""

    def __init__(self, exchange: EventExchange) -> None:
        self._exchange = exchange
        self._exits: dict[tuple[str, str], task_pb2.TaskExit] = {}

    def forward(self, envelope: Envelope) -> None:
        """Pass a shim's event on; an init's exit is remembered."""
        if envelope.topic == topics.TASK_EXIT:
            self._remember(envelope)
        self._exchange.forward(envelope)

    def _remember(self, envelope: Envelope) -> None:
        try:
            event = task_pb2.TaskExit.FromString(envelope.event.value)
        except DecodeError:
            return  # the exchange passes it on as it came; there is nothing to learn from it
        if event.id == event.container_id:
            self._exits[envelope.namespace, event.container_id] = event

    def forget(self, namespace: str, container_id: str) -> None:
        """The task is deleted, or one of this name is about to be made."""
        self._exits.pop((namespace, container_id), None)

    def died(self, namespace: str, container_id: str, response: DeleteResponse) -> DeleteResponse:
        """Tell of a task whose shim died: the exit unless it was told, and the deletion; returns how it ended."""
        known = self._exits.pop((namespace, container_id), None)
        if known is not None:
            response = DeleteResponse(pid=known.pid, exit_status=known.exit_status, exited_at=known.exited_at)
        else:
            self._publish(
                namespace,
                topics.TASK_EXIT,
                task_pb2.TaskExit(
                    container_id=container_id,
                    id=container_id,
                    pid=response.pid,
                    exit_status=response.exit_status,
                    exited_at=response.exited_at,
                ),
            )
        self._publish(
            namespace,
            topics.TASK_DELETE,
            task_pb2.TaskDelete(
                container_id=container_id,
                pid=response.pid,
                exit_status=response.exit_status,
                exited_at=response.exited_at,
            ),
        )
        return response

    def _publish(self, namespace: str, topic: str, event: task_pb2.TaskExit | task_pb2.TaskDelete) -> None:
        self._exchange.publish(namespace, topic, topics.typed(event))


def unknown_end() -> DeleteResponse:
    """What is said of a task when not even its shim's `delete` knows how it ended."""
    now = Timestamp()
    now.GetCurrentTime()
    return DeleteResponse(exit_status=255, exited_at=now)
