"""Health checks that the engine has run beside a container: no request goes through the daemons, there are no fifos and
no events.

On a connection to a container's attach socket:

    engine: {"probes":true}                            as its first line
    shim:   {"ok":true,"probes":1}                      the version; a shim that runs none leaves it out
    engine: {"id":"…","process":{…},"limit":4096}     run it; one at a time
    shim:   {"id":"…","pid":7}                          it has begun; left out where it is over in a moment
            {"id":"…","pid":7,"status":0,"output":"…","cut":false}     it has ended
            {"id":"…","error":"…"}                      it could not begin
    engine: {"kill":"…"}                                end it; its end is told as any other

The engine decides when: it knows the state that a check depends on. When it goes, its check is killed: the next engine
has one of its own.

Each connection has a fork of the shim, which stays out of the container and forks the check's process into it: what a
check costs is mostly pages that a fork copies, and here one small loop touches few of them. It ends with the
connection, with the container's first process, and with the shim.
"""

import json
import os
import select
import socket
import time
from collections.abc import Callable
from typing import Any

from shim import runtime_errors
from shim.runtime import Entering, Streams
from shim.runtime_errors import RuntimeFailure

Json = dict[str, Any]

VERSION = 1
_MOMENT = 0.1
_LEFT_OPEN_SECONDS = 2.0  # a program left in the background may keep a check's output open for ever
_LARGEST = 1 << 20
_CHUNK = 64 * 1024
_SIGKILL = 9


# Begins a process of that document with those streams.
Enter = Callable[[bytes, Streams], Entering]


class Over(Exception):
    """The engine, or the container, has gone."""


def serve(connection: socket.socket, init_pid: int, enter: Enter) -> None:
    """Run checks until the engine, or the container, goes."""
    try:
        init = os.pidfd_open(init_pid)
    except ProcessLookupError:
        return
    server = Server(connection, init, enter)
    connection.sendall(b'{"ok":true,"probes":%d}\n' % VERSION)
    try:
        while True:
            server.check(server.request())
    except (Over, ConnectionError):
        return
    finally:
        os.close(init)


class Server:
    """One connection."""

    def __init__(self, connection: socket.socket, init: int, enter: Enter) -> None:
        self._connection = connection
        self._init = init
        self._enter = enter
        self._received = b""
        self._idle = select.poll()
        for fd in (connection.fileno(), init):
            self._idle.register(fd, select.POLLIN)

    def request(self) -> Json:
        """The next check."""
        while True:
            for line in self._lines():
                found = _parsed(line)
                if "process" in found:
                    return found
            self._ready(self._idle, None)
            self._receive()

    def check(self, request: Json) -> None:
        """Run one, and say how it ended."""
        exec_id = str(request["id"])
        try:
            run = Run(self._enter, json.dumps(request["process"]).encode(), int(request["limit"]))
        except RuntimeFailure as failure:
            self._send({"id": exec_id, "error": _sentence(failure)})
            return
        try:
            self._watch(exec_id, run)
        except RuntimeFailure as failure:
            self._send({"id": exec_id, "error": _sentence(failure)})
            return
        finally:
            run.close()
        text = run.output.decode("utf-8", "replace")
        self._send({"id": exec_id, "pid": run.pid, "status": run.status, "output": text, "cut": run.cut})

    def _watch(self, exec_id: str, run: "Run") -> None:
        """Attend to it, to its end and that of its output."""
        telling: float | None = _MOMENT
        while not run.over():
            poller = select.poll()
            for fd in (self._connection.fileno(), self._init, *run.fds()):
                poller.register(fd, select.POLLIN)
            ready = self._ready(poller, telling if run.status is None else run.patience())
            if not ready and telling is not None and run.status is None:
                self._send({"id": exec_id, "pid": run.pid})
                telling = None
            elif self._connection.fileno() in ready:
                self._receive()
                if any(_parsed(line).get("kill") == exec_id for line in self._lines()):
                    run.kill()
            else:
                run.attend(ready)

    def _ready(self, poller: "select.poll", timeout: float | None) -> list[int]:
        ready = [fd for fd, _ in poller.poll(None if timeout is None else timeout * 1000)]
        if self._init in ready:
            raise Over
        return ready

    def _receive(self) -> None:
        received = self._connection.recv(_CHUNK)
        self._received += received
        if not received or len(self._received) > _LARGEST:
            raise Over

    def _lines(self) -> list[bytes]:
        *lines, self._received = self._received.split(b"\n")
        return lines

    def _send(self, answer: Json) -> None:
        self._connection.sendall(json.dumps(answer).encode() + b"\n")


class Run:
    """One check's process, and its output up to a limit."""

    def __init__(self, enter: Enter, document: bytes, limit: int) -> None:
        self.status: int | None = None
        self.output = b""
        self.cut = False
        self._limit = limit
        self._reading, writing = os.pipe2(os.O_CLOEXEC)
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._on_its_own = False
        self._ended_at = 0.0
        self._entering: Entering | None = None
        try:
            self._entering = enter(document, (nothing, writing, writing))
            self._entering.release()
        except BaseException:
            self.close()
            raise
        finally:
            os.close(nothing)
            os.close(writing)
        os.set_blocking(self._reading, False)

    @property
    def pid(self) -> int:
        """Of the process, which may be another one until it is on its own."""
        assert self._entering is not None
        return self._entering.pid

    def fds(self) -> list[int]:
        """What to poll now."""
        assert self._entering is not None
        if not self._on_its_own:
            return [self._entering.fileno()]
        return [
            fd
            for fd, wanted in ((self._entering.pidfd, self.status is None), (self._reading, True))
            if wanted and fd >= 0
        ]

    def over(self) -> bool:
        """Whether it has ended, and its output, or has had its time to."""
        ended = self._on_its_own and self.status is not None
        return ended and (self._reading < 0 or self.patience() <= 0)

    def patience(self) -> float:
        """How much longer its output may take, once it has ended."""
        return self._ended_at + _LEFT_OPEN_SECONDS - time.monotonic()

    def attend(self, ready: list[int]) -> None:
        """Do what there is to do about fds."""
        assert self._entering is not None
        if not self._on_its_own:
            before = self.pid
            if self._entering.fileno() in ready:
                self._on_its_own = self._entering.advance()
            if self.pid != before:
                os.waitpid(before, 0)  # it went astray
            return
        if self._reading in ready:
            self._read()
        if self.status is None and self._entering.pidfd in ready:
            self._reap()

    def kill(self) -> None:
        """End it."""
        if self.status is None:
            os.kill(self.pid, _SIGKILL)  # our child, and not yet waited for

    def close(self) -> None:
        """Leave nothing of it: no process, no fd."""
        reading, self._reading = self._reading, -1
        if reading >= 0:
            os.close(reading)
        if self._entering is None:
            return
        if self.status is None:
            self.kill()
            self._reap()
        self._entering.close()

    def _reap(self) -> None:
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.status = code if code >= 0 else 128 - code
        self._ended_at = time.monotonic()

    def _read(self) -> None:
        data = os.read(self._reading, _CHUNK)
        if not data:
            os.close(self._reading)
            self._reading = -1
            return
        room = self._limit - len(self.output)
        self.output += data[:room]
        self.cut = self.cut or len(data) > room


def _sentence(failure: RuntimeFailure) -> str:
    return str(runtime_errors.start_fault(failure, "OCI runtime exec failed"))


def _parsed(line: bytes) -> Json:
    """A request; who speaks otherwise is nobody's engine."""
    try:
        found = json.loads(line)
    except ValueError:
        raise Over from None
    if not isinstance(found, dict):
        raise Over
    return found
