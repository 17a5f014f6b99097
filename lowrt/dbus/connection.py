"""A D-Bus client on a unix socket: authenticate, call, wait for a signal. Blocking, one thread, each wait with its end.

With systemd's private socket the peer is systemd itself; with a bus one says Hello first, and a bus sends only the
signals that one has asked for.
"""

import _socket
import errno
import os
import select
import time

from lowrt.dbus import message as m
from lowrt.dbus.message import Message, Parser
from lowrt.dbus.wire import WireError
from lowrt.errors import Fault, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

REPLY_PATIENCE = 25.0  # what libdbus and sd-bus wait for an answer
_BUS, _BUS_PATH, _BUS_INTERFACE = "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"


class DBusError(Fault):
    """The peer's refusal: its words, and the name by which programs know it."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text or name)
        self.name = name


class Connection:
    """One connection."""

    def __init__(self, sock: "_socket.socket") -> None:
        self._socket = sock
        self._socket.setblocking(False)
        self._parser = Parser()
        self._serial = 0
        self._signals: list[Message] = []  # those that came while we waited for something else

    @classmethod
    def open(cls, address: str, *, bus: bool, uid: int | None = None) -> "Connection":
        """Connect to one of the address's sockets, which may be several with `;` between."""
        connection = cls(_connect(address))
        try:
            connection.authenticate(os.geteuid() if uid is None else uid)
            if bus:
                connection.call(_BUS, _BUS_PATH, _BUS_INTERFACE, "Hello")
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        self._socket.close()

    def authenticate(self, uid: int) -> None:
        """EXTERNAL: the kernel vouches for our uid; the name in hex is only to be the same.

        BEGIN goes along in the same packet: systemd would overlook a first message that it reads together with BEGIN.
        """
        self._send(b"\0AUTH EXTERNAL " + str(uid).encode().hex().encode() + b"\r\nBEGIN\r\n")
        line = b""
        deadline = time.monotonic() + REPLY_PATIENCE
        while not line.endswith(b"\r\n"):
            line += self._receive(deadline, 1)
            if len(line) > 4096:
                raise Fault("dbus: endless answer to AUTH")
        if not line.startswith(b"OK "):
            raise Fault(f"dbus: authentication failed: {line.decode(errors='replace').strip()}")

    def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: "tuple[Any, ...]" = (),
    ) -> "tuple[Any, ...]":
        """Call a method and wait for its answer; DBusError is the peer's no."""
        self._serial += 1
        request = Message(m.METHOD_CALL, serial=self._serial, signature=signature, body=body)
        request.path, request.interface, request.member = path, interface, member
        request.destination = destination
        self._send(request.encode())
        serial = self._serial
        reply = self._wait(
            lambda got: got.kind in (m.METHOD_RETURN, m.ERROR) and got.reply_serial == serial, REPLY_PATIENCE
        )
        if reply is None:
            raise Fault(f"dbus: no answer to {member} in {REPLY_PATIENCE:.0f}s")
        if reply.kind == m.ERROR:
            text = reply.body[0] if reply.body and isinstance(reply.body[0], str) else ""
            raise DBusError(reply.error_name, text)
        return reply.body

    def add_match(self, rule: str) -> None:
        """Ask a bus for signals."""
        self.call(_BUS, _BUS_PATH, _BUS_INTERFACE, "AddMatch", "s", (rule,))

    def wait_signal(self, matches: "Callable[[Message], bool]", patience: float) -> Message | None:
        """The first signal that matches, those included that have come already; None when the time is up."""
        for position, got in enumerate(self._signals):
            if matches(got):
                return self._signals.pop(position)
        return self._wait(lambda got: got.kind == m.SIGNAL and matches(got), patience)

    def _wait(self, matches: "Callable[[Message], bool]", patience: float) -> Message | None:
        deadline = time.monotonic() + patience
        found: Message | None = None
        while found is None:
            try:
                data = self._receive(deadline, 65536)
            except TimeoutError:
                return None
            for got in self._parser.feed(data):
                if found is None and matches(got):
                    found = got
                elif got.kind == m.SIGNAL:
                    self._signals.append(got)
        return found

    def _receive(self, deadline: float, count: int) -> bytes:
        while True:
            try:
                data = self._socket.recv(count)
            except BlockingIOError:
                self._poll(select.POLLIN, deadline)
                continue
            if not data:
                raise OSError(errno.ECONNRESET, "read dbus: Connection reset by peer")
            return data

    def _send(self, data: bytes) -> None:
        deadline = time.monotonic() + REPLY_PATIENCE
        while data:
            try:
                # Not the whole program dies of a peer that hung up.
                data = data[self._socket.send(data, _socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                self._poll(select.POLLOUT, deadline)

    def _poll(self, event: int, deadline: float) -> None:
        poller = select.poll()
        poller.register(self._socket.fileno(), event)
        left = deadline - time.monotonic()
        if left <= 0 or not poller.poll(left * 1000):
            raise TimeoutError(errno.ETIMEDOUT, "dbus: Connection timed out")


def _connect(address: str) -> "_socket.socket":
    last: Exception = Fault(f"dbus: no usable address in {address!r}")
    for single in address.split(";"):
        target = socket_path(single)
        if target is None:
            continue
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        try:
            _connect_patiently(sock, target)
        except OSError as error:
            sock.close()
            last = Fault(f"dial unix {os.fsdecode(target)}: connect: {reason_of(error)}")
        else:
            return sock
    raise last


def _connect_patiently(sock: "_socket.socket", target: bytes) -> None:
    """EAGAIN is a full backlog, which a burst of containers makes: some seven tries over a dozen seconds, as runc."""
    for attempt in range(7):
        try:
            sock.connect(target)
        except BlockingIOError:
            if attempt == 6:
                raise
            time.sleep(0.1 * 2**attempt)
        else:
            return


def socket_path(address: str) -> bytes | None:
    """The socket of one address, None where it is of another transport: `unix:path=/run/dbus/bus,guid=…`."""
    transport, _, rest = address.partition(":")
    if transport != "unix":
        return None
    for pair in rest.split(","):
        key, _, value = pair.partition("=")
        if key in ("path", "abstract"):
            path = _unescape(value)
            return b"\0" + path if key == "abstract" else path
    return None


def _unescape(value: str) -> bytes:
    first, *rest = value.encode().split(b"%")
    pieces = [first]
    for piece in rest:
        try:
            pieces.append(bytes((int(piece[:2], 16),)) + piece[2:])
        except ValueError:
            raise WireError(f"bad escape in D-Bus address {value!r}") from None
    return b"".join(pieces)
