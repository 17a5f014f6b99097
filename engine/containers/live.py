"""The living half of a container: its lock, those who wait for it, its streams. Nothing here needs to survive a
restart.
"""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.containers.model import Container
from proto.containerd.types import mount_pb2

if TYPE_CHECKING:
    from engine.containers.execs import Exec
    from engine.containers.stdio import Attachment, Stdio


@dataclass(frozen=True, slots=True)
class Ended:
    """What a waiter learns."""

    exit_code: int


@dataclass(slots=True)
class Waiter:
    """One client's wait."""

    condition: str  # not-running, next-exit, removed
    result: asyncio.Future[Ended]


@dataclass(slots=True, eq=False)
class Attacher:
    """A client that attached before there was a task."""

    stdin: bool
    stdout: bool
    stderr: bool
    joined: "asyncio.Future[Attachment]"


@dataclass(slots=True, eq=False)
class Live:
    """A container of this process's memory."""

    container: Container
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiters: list[Waiter] = field(default_factory=list)
    attachers: list[Attacher] = field(default_factory=list)
    stdio: "Stdio | None" = None
    mounts: list[mount_pb2.Mount] = field(default_factory=list)
    execs: dict[str, "Exec"] = field(default_factory=dict)
    exited: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # replaced at each change: log followers, stats
    restart: asyncio.Task[None] | None = None
    by_hand: bool = False  # a client restarts it: the end in between is not the end that `--rm` waits for
    probes: asyncio.Task[None] | None = None
    backoff: float = 0.0
    half_started: bool = False  # a start failed, and the supervisor could not be told: it may have a task yet

    def wake(self, *conditions: str) -> None:
        """Answer the waiters of these conditions with the container's last exit."""
        ended = Ended(self.container.state.exit_code)
        for waiter in [waiter for waiter in self.waiters if waiter.condition in conditions]:
            self.waiters.remove(waiter)
            if not waiter.result.done():
                waiter.result.set_result(ended)

    def notify(self) -> None:
        """Tell those who watch for any change."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()
