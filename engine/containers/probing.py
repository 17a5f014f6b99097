"""Health checks that our own shim runs: a line to it, a line back, and none of the daemons between.

The wire is drawn in the shim's `probes`. Where a shim knows nothing of it, or another version, checks are execs.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.containers.stdio import connect
from proto.errdefs import Fault, Unavailable

Json = dict[str, Any]

VERSION = 1

Began = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ended; `overdue`: it was killed, as it took too long."""

    status: int
    output: str
    overdue: bool = False


class Probes:
    """One container's checks; the connection is kept from one to the next."""

    def __init__(self, socket_path: str) -> None:
        self._socket = socket_path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._unknown = False  # to the shim

    async def available(self) -> bool:
        """Whether the shim is there and runs checks."""
        if self._streams is not None and self._streams[0].at_eof():
            self.close()
        if self._streams is None and not self._unknown:
            try:
                self._streams = await connect(self._socket)
            except Unavailable:
                return False
            reader, writer = self._streams
            try:
                writer.write(b'{"probes":true}\n')
                answer = json.loads(await reader.readline())
            except (ValueError, ConnectionError):
                answer = {"ok": False}  # not now
            self._unknown = bool(answer["ok"]) and answer.get("probes") != VERSION
            if answer.get("probes") != VERSION:
                self.close()
        return self._streams is not None

    async def run(self, exec_id: str, process: Json, began: Began, *, timeout: float, limit: int) -> Outcome:
        """One check, to its end, where they are `available`; a Fault when it could not begin.

        Who is cancelled here takes the check along. `began` learns the pid, where it is worth to be known.
        """
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(json.dumps({"id": exec_id, "process": process, "limit": limit}).encode() + b"\n")
        answer, overdue = asyncio.ensure_future(_answer(reader, began)), False
        try:
            try:
                async with asyncio.timeout(timeout):
                    found = await asyncio.shield(answer)
            except TimeoutError:
                overdue = True
                writer.write(json.dumps({"kill": exec_id}).encode() + b"\n")
                found = await answer  # dying checks must not pile up
        except BaseException:
            answer.cancel()
            self.close()
            raise
        if "error" in found:
            raise Fault(str(found["error"]))
        output = str(found["output"]) + ("..." if found["cut"] else "")
        return Outcome(int(found["status"]), output, overdue)

    def close(self) -> None:
        """Hang up; a check under way is killed."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()


async def _answer(reader: asyncio.StreamReader, began: Began) -> Json:
    """The last word on a check; one before it may tell the pid."""
    while True:
        try:
            line = await reader.readline()
        except ConnectionError:
            line = b""
        if not line:
            raise Unavailable("the container's shim has hung up")
        found: Json = json.loads(line)
        if "status" in found or "error" in found:
            return found
        began(int(found["pid"]))
