"""A build's steps as BuildKit tells of a solve: vertices, logs, counts, warnings. Pure but for the clock.

The builder's own lines (`engine/builder/output.py`) go in, `StatusResponse`s come out.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from engine.builder.output import CANCELED, EXPORT, LOG, STEP, TRANSFER, WARNING, Line
from engine.buildkit.failures import reworded
from proto.buildkit.services.control_pb2 import StatusResponse, Vertex, VertexStatus

_LOG_LIMIT = 2 << 20  # bytes of one step's log, as with BuildKit
_CLIPPED = b"[output clipped, log limit 2MiB reached]\n"
_TRANSFERS = {
    "dockerfile": ("[internal] load build definition from {filename}", "transferring dockerfile:"),
    "dockerignore": ("[internal] load .dockerignore", "transferring context:"),
    "context": ("[internal] load build context", "transferring context:"),
}
_EXPORTING = "exporting to image"


@dataclass(slots=True)
class _Seen:
    """A vertex that has been told of."""

    vertex: Vertex
    logged: int = 0
    items: dict[str, Timestamp] = field(default_factory=dict)  # what it counts, since when


class Progress:
    """One build's."""

    def __init__(self, tell: Callable[[StatusResponse], None], unique: str, filename: str = "Dockerfile") -> None:
        self._tell = tell
        self._unique = unique
        self._filename = filename
        self._seen: dict[str, _Seen] = {}
        self._latest: dict[str, str] = {}  # the last vertex of each stage: the next one's input
        self._resolving: dict[str, tuple[str, str]] = {}  # FROM's steps: their names and images, until these are known
        self.failed_line = 0

    def line(self, line: Line) -> None:
        """One more of the builder's lines."""
        about = line.get("aux") or {}
        match line.get("id"):
            case name if name == STEP:
                self._step(about)
            case name if name == LOG:
                self._log(about)
            case name if name == TRANSFER:
                self._transfer(about)
            case name if name == EXPORT:
                self._export(about)
            case name if name == WARNING:
                self._warning(about["text"])
            case _ if "status" in line:
                self._pull(line)

    def fail(self, reason: str) -> None:
        """The build has ended badly: so has whatever was under way."""
        for key, seen in self._seen.items():
            if seen.vertex.HasField("started") and not seen.vertex.HasField("completed"):
                self._complete(key, time.time(), error=reason)

    def digest(self, key: str) -> str:
        """A vertex's name: no other build has it, so that no client takes two builds' vertices for one."""
        return f"sha256:{hashlib.sha256(f'{self._unique} {key}'.encode()).hexdigest()}"

    def _step(self, about: dict[str, Any]) -> None:
        key, when, name = f"step {about['step']}", float(about["time"]), about.get("vertex", "")
        if about["state"] == "failed" and about.get("error") != CANCELED:  # that one follows from another's failure
            self.failed_line = about.get("line", 0)
        if not name:
            return
        if about["state"] == "running":
            before = self._latest.get(about["stage"])
            self._latest[about["stage"]] = self.digest(key)
            image = name.partition("] FROM ")[2]
            if image and before is None:
                self._begin(f"metadata {image}", f"[internal] load metadata for {image}", when, [])
                self._resolving[key] = name, image
            else:
                self._begin(key, name, when, [before] if before else [])
            return
        self._resolved(key, when, error=reworded(about.get("error", "")))
        if about["state"] == "failed":
            self._complete(key, when, error=reworded(about.get("error") or "the step failed"))
        else:
            self._complete(key, when, cached=about["state"] == "cached")

    def _resolved(self, key: str, when: float, error: str = "") -> None:
        """What FROM names is known: what it takes from now on is the image itself."""
        if key in self._resolving:
            name, image = self._resolving.pop(key)
            self._complete(f"metadata {image}", when, error=error)
            if not error:
                self._begin(key, name, when, [self.digest(f"metadata {image}")])

    def _begin(self, key: str, name: str, when: float, inputs: list[str]) -> None:
        if key in self._seen:
            return
        vertex = Vertex(digest=self.digest(key), inputs=inputs, name=name, started=_stamp(when))
        self._seen[key] = _Seen(vertex)
        self._tell(StatusResponse(vertexes=[vertex]))

    def _complete(self, key: str, when: float, *, cached: bool = False, error: str = "") -> None:
        seen = self._seen.get(key)
        if seen is None or seen.vertex.HasField("completed"):
            return
        vertex = Vertex()
        vertex.CopyFrom(seen.vertex)
        vertex.completed.CopyFrom(_stamp(when))
        vertex.cached, vertex.error = cached, error
        seen.vertex = vertex
        self._tell(StatusResponse(vertexes=[vertex]))

    def _log(self, about: dict[str, Any]) -> None:
        key = f"step {about['step']}"
        seen = self._seen.get(key)
        if seen is None or seen.logged > _LOG_LIMIT:
            return
        data = about["text"].encode()
        seen.logged += len(data)
        if seen.logged > _LOG_LIMIT:
            data = _CLIPPED
        told = StatusResponse()
        told.logs.add(vertex=seen.vertex.digest, timestamp=_stamp(time.time()), stream=about["stream"], msg=data)
        self._tell(told)

    def _transfer(self, about: dict[str, Any]) -> None:
        what, when, state = about["what"], float(about["time"]), about["state"]
        words = _TRANSFERS.get(what, (f"[context {what}] load from client", f"transferring {what}:"))
        key = f"transfer {what}"
        self._begin(key, words[0].format(filename=self._filename), when, [])
        self._count(key, words[1], when, current=about.get("size", 0), done=state != "running")
        if state != "running":
            self._complete(key, when, error="" if state == "done" else about.get("error") or "the transfer failed")

    def _export(self, about: dict[str, Any]) -> None:
        when, done = float(about["time"]), about["state"] == "done"
        self._begin("export", about.get("to") or _EXPORTING, when, list(self._latest.values())[-1:])
        if about["name"]:
            self._count("export", about["name"], when, current=0, done=done)
        elif done:
            self._complete("export", when)

    def _count(self, key: str, name: str, when: float, *, current: int, done: bool, total: int = 0) -> None:
        seen = self._seen[key]
        started = seen.items.setdefault(name, _stamp(when))
        status = VertexStatus(
            ID=name, vertex=seen.vertex.digest, name=name, current=current, total=total, timestamp=_stamp(when)
        )
        status.started.CopyFrom(started)
        if done:
            status.completed.CopyFrom(_stamp(when))
        self._tell(StatusResponse(statuses=[status]))

    def _pull(self, line: Line) -> None:
        """A layer on its way: docker's words for it are the builder's, too."""
        key, name = f"step {line.get('step')}", str(line.get("id") or "")
        self._resolved(key, time.time())
        if not name or key not in self._seen:
            return
        detail, status = line.get("progressDetail") or {}, str(line["status"])
        done = status in ("Pull complete", "Already exists")
        fetched = f"pull {name}"
        if fetched in self._seen[key].items and status != "Downloading":
            self._count(key, fetched, time.time(), current=0, done=True)
            del self._seen[key].items[fetched]
        if status in ("Downloading", "Extracting") or done:
            current, total = int(detail.get("current") or 0), int(detail.get("total") or 0)
            words = fetched if status == "Downloading" else f"extract {name}"
            self._count(key, words, time.time(), current=current, total=total, done=done)

    def _warning(self, text: str) -> None:
        told = StatusResponse()
        told.warnings.add(vertex=self.digest("transfer dockerfile"), level=1, short=text.encode())
        self._tell(told)


def _stamp(when: float) -> Timestamp:
    nanoseconds = int(when * 1e9)
    return Timestamp(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)
