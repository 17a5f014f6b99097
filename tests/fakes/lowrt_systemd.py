"""A systemd on a socket: the handful of manager calls that lowrt makes, answered from a thread, and recorded.

It speaks D-Bus with lowrt's own codec; that this is the real protocol, tests/integration/lowrt/test_systemd.py shows.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lowrt.dbus import message as m
from lowrt.dbus.message import Message, Parser
from lowrt.dbus.wire import Variant

JOB = "/org/freedesktop/systemd1/job/1"


class FakeSystemd:
    """`units` has what was started and not stopped; `refusals` maps a method to the D-Bus error it gives, once."""

    def __init__(self, *, version: str = "252.38-1~deb12u1") -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.units: dict[str, dict[str, Any]] = {}
        self.refusals: dict[str, list[tuple[str, str]]] = {}
        self.result = "done"
        self.silent = False  # no job ever ends
        self.version = version
        self.started: Callable[[str, dict[str, Any]], None] = lambda name, properties: None
        self.stopped: Callable[[str], None] = lambda name: None

    def members(self) -> list[str]:
        return [member for member, _ in self.calls]

    @contextmanager
    def serving(self, folder: Path) -> Iterator[str]:
        """The address of its socket while it serves."""
        path = folder / "bus"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            thread = threading.Thread(target=self._accept, args=(listener,), name="fake systemd")
            thread.start()
            try:
                yield f"unix:path={path}"
            finally:
                with socket.socket(socket.AF_UNIX) as last:
                    last.connect(str(path))
                    last.sendall(b"END")
                thread.join()
                path.unlink()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                if not self._serve(connection):
                    return

    def _serve(self, connection: socket.socket) -> bool:
        if not self._authenticate(connection):
            return False
        parser, serial = Parser(), 0
        while data := connection.recv(65536):
            for request in parser.feed(data):
                for answer in self._answer(request):
                    serial += 1
                    answer.serial = serial
                    connection.sendall(answer.encode())
        return True

    def _authenticate(self, connection: socket.socket) -> bool:
        line = b""
        while not line.endswith(b"\r\n"):
            line += connection.recv(1) or b"END"
            if line.endswith(b"END"):
                return False
        expected = b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n"
        connection.sendall(b"OK 00112233445566778899aabbccddeeff\r\n" if line == expected else b"REJECTED EXTERNAL\r\n")
        return connection.recv(7, socket.MSG_WAITALL) in (b"BEGIN\r\n", b"")

    def _answer(self, request: Message) -> list[Message]:
        self.calls.append((request.member, request.body))
        refusals = self.refusals.get(request.member)
        if refusals:
            name, text = refusals.pop(0)
            return [self._reply(request, m.ERROR, "s", (text,), name)]
        handler = getattr(self, f"_{request.member.lower()}", None)
        if handler is None:
            return [self._reply(request, m.METHOD_RETURN, "", ())]
        return list(handler(request))

    @staticmethod
    def _reply(request: Message, kind: int, signature: str, body: tuple[Any, ...], error: str = "") -> Message:
        reply = Message(kind, signature=signature, body=body)
        reply.reply_serial = request.serial
        reply.error_name = error
        return reply

    def _hello(self, request: Message) -> Iterator[Message]:
        yield self._reply(request, m.METHOD_RETURN, "s", (":1.5",))

    def _get(self, request: Message) -> Iterator[Message]:
        value = {"Version": self.version, "ControlGroup": "/user.slice/user@1000.service"}[request.body[1]]
        yield self._reply(request, m.METHOD_RETURN, "v", (Variant("s", value),))

    def _starttransientunit(self, request: Message) -> Iterator[Message]:
        name, mode, properties, _ = request.body
        assert mode == "replace"
        if name in self.units:
            error = "org.freedesktop.systemd1.UnitExists"
            yield self._reply(request, m.ERROR, "s", (f"Unit {name} was already loaded.",), error)
            return
        self.units[name] = {key: variant.value for key, variant in properties}
        self.started(name, self.units[name])
        yield from self._job(request, name)

    def _stopunit(self, request: Message) -> Iterator[Message]:
        name = request.body[0]
        if name not in self.units:
            error = "org.freedesktop.systemd1.NoSuchUnit"
            yield self._reply(request, m.ERROR, "s", (f"Unit {name} not loaded.",), error)
            return
        del self.units[name]
        self.stopped(name)
        yield from self._job(request, name)

    def _resetfailedunit(self, request: Message) -> Iterator[Message]:
        self.units.pop(request.body[0], None)
        yield self._reply(request, m.METHOD_RETURN, "", ())

    def _setunitproperties(self, request: Message) -> Iterator[Message]:
        name, runtime, properties = request.body
        assert runtime is True
        self.units[name] |= {key: variant.value for key, variant in properties}
        yield self._reply(request, m.METHOD_RETURN, "", ())

    def _job(self, request: Message, unit: str) -> Iterator[Message]:
        """The signal may come before the answer, and does so here when the job is quick."""
        ended = Message(m.SIGNAL, signature="uoss", body=(1, JOB, unit, self.result))
        ended.path, ended.interface = "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
        ended.member = "JobRemoved"
        if not self.silent:
            yield ended
        yield self._reply(request, m.METHOD_RETURN, "o", (JOB,))
