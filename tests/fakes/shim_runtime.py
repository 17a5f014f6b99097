"""An OCI runtime and a listener of events, for the shim's domain: what was asked is recorded, nothing is run."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence

from shim.reaper import Exit, Reaper
from shim.runtime import Streams

VERBS = ("create", "start", "exec", "kill", "delete", "ps", "pause", "resume", "update", "checkpoint", "restore")
INIT_PID, EXEC_PID = 5_000_001, 5_000_002  # beyond any pid_max: nothing real has them


class FakeRuntime:
    """A Launcher. `fails[verb]` is the log message of a verb that fails; `during[verb]` runs while it does."""

    def __init__(self, reaper: Reaper) -> None:
        self.calls: list[list[str]] = []
        self.fails: dict[str, str] = {}
        self.during: dict[str, Callable[[], None]] = {}
        self.output = b"[]"
        self._reaper = reaper
        self._next = 1

    def launch(self, argv: Sequence[str], streams: Streams) -> int:
        """Do the verb; it has ended by the loop's next turn."""
        words = list(argv)
        verb = next(word for word in words if word in VERBS)
        self.calls.append(words[words.index(verb) :])
        self._next += 1
        pid, status = self._next, 0
        if verb in self.fails:
            status = 1
            with open(words[words.index("--log") + 1], "a", encoding="utf-8") as log:
                log.write(json.dumps({"level": "error", "msg": self.fails[verb]}) + "\n")
        elif "--pid-file" in words:
            with open(words[words.index("--pid-file") + 1], "w", encoding="ascii") as file:
                file.write(str(EXEC_PID if verb == "exec" else INIT_PID))
        if verb == "ps":
            os.write(streams[1], self.output)
        self.during.pop(verb, lambda: None)()
        asyncio.get_running_loop().call_soon(self._reaper.deliver, Exit(pid, status, 1))
        return pid

    def brief(self, argv: Sequence[str]) -> None:
        """Every call is a process."""

    def enter(self, settings: object, container_id: str, wanted: object) -> None:
        """An exec, too."""

    def probes(self, settings: object, container_id: str, init_pid: int, connection: int) -> int:
        """And a check."""
        del settings, container_id, init_pid, connection
        return 0

    def verbs(self) -> list[str]:
        """What was called, in order."""
        return [call[0] for call in self.calls]


class RecordingEvents:
    """Events as tuples."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def names(self) -> list[object]:
        """Only what happened."""
        return [event[0] for event in self.seen]

    def created(self, spec: object, pid: int) -> None:
        self.seen.append(("create", pid))

    def started(self, container_id: str, pid: int) -> None:
        self.seen.append(("start", pid))

    def exec_added(self, container_id: str, exec_id: str) -> None:
        self.seen.append(("exec-added", exec_id))

    def exec_started(self, container_id: str, exec_id: str, pid: int) -> None:
        self.seen.append(("exec-started", exec_id, pid))

    def exited(self, container_id: str, process_id: str, exit_: Exit) -> None:
        self.seen.append(("exit", process_id, exit_.status))

    def deleted(self, container_id: str, process: object) -> None:
        self.seen.append(("delete", container_id))

    def oom(self, container_id: str) -> None:
        self.seen.append(("oom", container_id))

    def paused(self, container_id: str) -> None:
        self.seen.append(("paused",))

    def resumed(self, container_id: str) -> None:
        self.seen.append(("resumed",))

    def checkpointed(self, container_id: str, image: str) -> None:
        self.seen.append(("checkpointed", image))
