"""Events, upwards: what happened to tasks, forwarded in order to the daemon that started us.

One queue and one connection. A daemon that is away is waited for, since its successor wants to know, too; an event that
it refuses is tried again a few times and then dropped.
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Protocol

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from proto import anys
from proto.containerd.events import task_pb2 as events
from proto.containerd.services.ttrpc.events.v1 import events_pb2
from proto.containerd.types import event_pb2
from proto.errdefs import Fault, Unavailable
from proto.ttrpc.client import Client
from shim.convert import mount_to_proto, timestamp
from shim.reaper import Exit

if TYPE_CHECKING:
    from shim.process import Process
    from shim.requests import CreateSpec

logger = logging.getLogger(__name__)

_QUEUE = 2048
_TRIES = 5
_CALL_SECONDS = 5.0
_LONGEST_PAUSE = 5.0
_SERVICE = events_pb2.DESCRIPTOR.services_by_name["Events"].full_name


class Events(Protocol):
    """What a container tells."""

    def created(self, spec: "CreateSpec", pid: int) -> None: ...
    def started(self, container_id: str, pid: int) -> None: ...
    def exec_added(self, container_id: str, exec_id: str) -> None: ...
    def exec_started(self, container_id: str, exec_id: str, pid: int) -> None: ...
    def exited(self, container_id: str, process_id: str, exit_: Exit) -> None: ...
    def deleted(self, container_id: str, process: "Process") -> None: ...
    def oom(self, container_id: str) -> None: ...
    def paused(self, container_id: str) -> None: ...
    def resumed(self, container_id: str) -> None: ...
    def checkpointed(self, container_id: str, image: str) -> None: ...


class Publisher:
    """Forwards messages to the daemon's event service, in order."""

    def __init__(self, address: str, namespace: str) -> None:
        self._address = address
        self._namespace = namespace
        self._queue: asyncio.Queue[event_pb2.Envelope] = asyncio.Queue(_QUEUE)
        self._client: Client | None = None

    def publish(self, topic: str, event: Message) -> None:
        """Queue an event; without an address there is nobody to tell."""
        if not self._address:
            return
        seconds, nanos = divmod(time.time_ns(), 1_000_000_000)
        envelope = event_pb2.Envelope(
            timestamp=Timestamp(seconds=seconds, nanos=nanos),
            namespace=self._namespace,
            topic=topic,
            event=anys.pack(event),
        )
        try:
            self._queue.put_nowait(envelope)
        except asyncio.QueueFull:
            logger.error("the queue of events is full: %s is lost", topic)

    async def run(self) -> None:
        """Forward, for ever."""
        while True:
            envelope = await self._queue.get()
            await self._deliver(envelope)
            self._queue.task_done()

    async def flush(self, seconds: float) -> None:
        """Wait until everything was forwarded, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._queue.join()
        except TimeoutError:
            logger.error("%d events could not be forwarded", self._queue.qsize() + 1)

    async def _deliver(self, envelope: event_pb2.Envelope) -> None:
        refused = 0
        pause = 0.1
        while refused < _TRIES:
            try:
                await self._forward(envelope)
                return
            except (OSError, Unavailable):
                await self._disconnect()
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Fault as fault:
                refused += 1
                logger.error("forward event: %s", fault)
                pause = float(refused)
            await asyncio.sleep(pause)
        logger.error("evicting %s from queue because of retry count", envelope.topic)

    async def _forward(self, envelope: event_pb2.Envelope) -> None:
        if self._client is not None and self._client.closed.done():
            self._client = None
        if self._client is None:
            self._client = await Client.connect(self._address, _CALL_SECONDS)
        request = events_pb2.ForwardRequest(envelope=envelope)
        await self._client.call(_SERVICE, "Forward", request, Empty, timeout=_CALL_SECONDS)

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


class TaskEvents:
    """Events as containerd's messages and topics."""

    def __init__(self, publisher: Publisher) -> None:
        self._publish = publisher.publish

    def created(self, spec: "CreateSpec", pid: int) -> None:
        """/tasks/create."""
        stdio = spec.stdio
        event = events.TaskCreate(
            container_id=spec.id,
            bundle=spec.bundle,
            rootfs=[mount_to_proto(mount) for mount in spec.mounts],
            io=events.TaskIO(stdin=stdio.stdin, stdout=stdio.stdout, stderr=stdio.stderr, terminal=stdio.terminal),
            checkpoint=spec.checkpoint,
            pid=pid,
        )
        self._publish("/tasks/create", event)

    def started(self, container_id: str, pid: int) -> None:
        """/tasks/start."""
        self._publish("/tasks/start", events.TaskStart(container_id=container_id, pid=pid))

    def exec_added(self, container_id: str, exec_id: str) -> None:
        """/tasks/exec-added."""
        self._publish("/tasks/exec-added", events.TaskExecAdded(container_id=container_id, exec_id=exec_id))

    def exec_started(self, container_id: str, exec_id: str, pid: int) -> None:
        """/tasks/exec-started."""
        event = events.TaskExecStarted(container_id=container_id, exec_id=exec_id, pid=pid)
        self._publish("/tasks/exec-started", event)

    def exited(self, container_id: str, process_id: str, exit_: Exit) -> None:
        """/tasks/exit."""
        event = events.TaskExit(
            container_id=container_id,
            id=process_id,
            pid=exit_.pid,
            exit_status=exit_.status,
            exited_at=timestamp(exit_.at),
        )
        self._publish("/tasks/exit", event)

    def deleted(self, container_id: str, process: "Process") -> None:
        """/tasks/delete."""
        event = events.TaskDelete(container_id=container_id, pid=process.pid)
        if process.exit is not None:
            event.exit_status = process.exit.status
            event.exited_at.CopyFrom(timestamp(process.exit.at))
        self._publish("/tasks/delete", event)

    def oom(self, container_id: str) -> None:
        """/tasks/oom."""
        self._publish("/tasks/oom", events.TaskOOM(container_id=container_id))

    def paused(self, container_id: str) -> None:
        """/tasks/paused."""
        self._publish("/tasks/paused", events.TaskPaused(container_id=container_id))

    def resumed(self, container_id: str) -> None:
        """/tasks/resumed."""
        self._publish("/tasks/resumed", events.TaskResumed(container_id=container_id))

    def checkpointed(self, container_id: str, image: str) -> None:
        """/tasks/checkpointed."""
        self._publish("/tasks/checkpointed", events.TaskCheckpointed(container_id=container_id, checkpoint=image))
