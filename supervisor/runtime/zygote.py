"""The warm parent of our own shims, as its client sees it: one process, one socket, many requests.

    supervisor ──{"id","args","cwd","env","stdin"}──▶ fd 3 of `containerd-shim-wherry-v2 zygote` (SOCK_SEQPACKET)
               ◀──{"id","code","stdout","stderr"}───

An answer is exactly what running the program would give. Nothing depends on the zygote: it is started ahead of need,
replaced when it dies, and who cannot be served raises ZygoteUnavailable and runs the program instead. Our end closing
is its signal to go, so it never outlives us; the shims it forked do.
"""

import asyncio
import base64
import json
import logging
import os
import signal
import socket
import time
from dataclasses import dataclass

from supervisor.background import Background

logger = logging.getLogger(__name__)

_CHILD_FD = 3
_PACKET = 1 << 20
_TIMEOUT = 10.0
_DEATHS = 3  # more of them within _WINDOW seconds: give up until the daemon restarts
_WINDOW = 30.0


class ZygoteUnavailable(Exception):
    """There is no zygote to ask; run the program instead."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of the shim's program ended."""

    code: int
    stdout: bytes
    stderr: bytes


class _Process:
    """One zygote that runs."""

    def __init__(self, program: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        actions = [
            (os.POSIX_SPAWN_DUP2, null, 0),
            (os.POSIX_SPAWN_DUP2, 2, 1),
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), _CHILD_FD),
        ]
        if theirs.fileno() == _CHILD_FD:  # dup2(2) onto itself would keep close-on-exec
            os.set_inheritable(_CHILD_FD, True)
            actions.pop()
        try:
            self.pid = os.posix_spawn(program, [program, "zygote"], os.environ, file_actions=actions, setpgroup=0)
        except BaseException:
            ours.close()
            raise
        finally:
            os.close(null)
            theirs.close()
        self.socket = ours
        self.waiting: dict[int, asyncio.Future[Outcome]] = {}

    def end(self) -> None:
        """Fail everybody who waits, close, reap."""
        for answer in self.waiting.values():
            if not answer.done():
                answer.set_exception(ZygoteUnavailable("the zygote died"))
        self.waiting.clear()
        self.socket.close()
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            logger.debug("the zygote was reaped elsewhere", extra={"pid": self.pid})


class Zygote:
    """Keeps one zygote of `program` alive, and asks it."""

    def __init__(self, program: str, background: Background, timeout: float = _TIMEOUT) -> None:
        self.program = program
        self._background = background
        self._timeout = timeout
        self._process: _Process | None = None
        self._deaths: list[float] = []
        self._last_id = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process that answers now."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process unless it runs; requests may follow at once, they wait in the socket."""
        if self._process is not None or self._closed:
            return
        now = time.monotonic()
        self._deaths = [death for death in self._deaths if now - death < _WINDOW]
        if len(self._deaths) >= _DEATHS:
            raise ZygoteUnavailable("the zygote died too often")
        try:
            self._process = _Process(self.program)
        except OSError as error:
            self._closed = True
            raise ZygoteUnavailable(f"no zygote: {error}") from error
        self._background.start(self._read(self._process), "zygote")
        logger.info("zygote started", extra={"pid": self._process.pid})

    async def run(self, arguments: list[str], cwd: str, environment: dict[str, str], stdin: bytes) -> Outcome:
        """Have the program's work done by a fork of the zygote."""
        self.start()
        process = self._process
        if process is None:
            raise ZygoteUnavailable("the zygote is closed")
        self._last_id += 1
        request_id = self._last_id
        request = {
            "id": request_id,
            "args": arguments,
            "cwd": cwd,
            "env": environment,
            "stdin": base64.b64encode(stdin).decode(),
        }
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        process.waiting[request_id] = answer
        try:
            async with asyncio.timeout(self._timeout):
                await loop.sock_sendall(process.socket, json.dumps(request).encode())
                return await answer
        except TimeoutError as error:
            logger.error("the zygote does not answer", extra={"pid": process.pid})
            self._died(process)
            raise ZygoteUnavailable("the zygote does not answer") from error
        except OSError as error:
            raise ZygoteUnavailable(f"the zygote cannot be asked: {error}") from error
        finally:
            process.waiting.pop(request_id, None)

    def close(self) -> None:
        """Let the zygote go; shims that it forked stay."""
        self._closed = True
        if self._process is not None:
            process, self._process = self._process, None
            process.end()

    async def _read(self, process: _Process) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                packet = await loop.sock_recv(process.socket, _PACKET)
            except OSError:
                packet = b""
            if not packet:
                break
            self._answer(process, packet)
        if self._process is process:
            logger.warning("the zygote died", extra={"pid": process.pid})
            self._died(process)
            try:
                self.start()
            except ZygoteUnavailable as error:
                logger.warning("shims start cold from now on: %s", error)

    def _answer(self, process: _Process, packet: bytes) -> None:
        try:
            document = json.loads(packet)
            outcome = Outcome(int(document["code"]), _bytes(document["stdout"]), _bytes(document["stderr"]))
            answer = process.waiting.get(int(document["id"]))
        except (ValueError, KeyError, AttributeError) as error:
            logger.error("the zygote wrote what is no answer: %s", error)
            return
        if answer is not None and not answer.done():
            answer.set_result(outcome)

    def _died(self, process: _Process) -> None:
        self._deaths.append(time.monotonic())
        if self._process is process:
            self._process = None
        process.end()


def _bytes(text: str) -> bytes:
    """A program's output in JSON: what is no UTF-8 (a DeleteResponse is not) travels as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")
