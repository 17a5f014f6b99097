"""The words that the parent and the process it forks exchange, and the order they must come in.

create and run                                   exec

    parent               init (pid 1)                parent              process
      | fork into namespaces  |                        | fork into pid ns   |
      | cgroup, id maps       |                        | cgroup             |
      |------- proceed ------>|                        |----- proceed ----->|
      |                       | join, mounts           |                    | setns the rest, console
      |<------ prepared ------|                        |<----- ready -------|
      | prestart,             |                        | rlimits            |
      | createRuntime         |                        |------ proceed ---->|
      |------- proceed ------>|                        |                    | user, caps, seccomp, look-up
      |                       | createContainer hooks  |<------ EOF --------|
      |                       | pivot, console, masks  |                    | execve
      |<------- ready --------|
      | rlimits, state.json   |
      |------- proceed ------>|
      |                       | user, caps, seccomp, look-up
      |<-------- EOF ---------|
                              | wait on exec.fifo for `start`

`warning` may come at any time and is logged. `seccomp` may come before the EOF and carries the number of the listener's
fd, which the parent fetches by pidfd and answers with `proceed`. `error` ends everything. An EOF that comes before
`ready` was answered means that the child died; an EOF read by the child means that the parent did, and it exits.
"""

import _socket

from lowrt.errors import Fault, reason_of
from lowrt.jsontext import dumps, loads

PROCEED, PREPARED, READY, WARNING, SECCOMP, ERROR = "proceed", "prepared", "ready", "warning", "seccomp", "error"

_SOL_SOCKET, _SCM_RIGHTS = 1, 1
_MSG_CMSG_CLOEXEC = 0x40000000
_LARGEST = 1 << 14  # small enough to stay out of mmap(2)

# What may follow what, as the parent sees it: "" is the beginning, "eof" the good end.
CREATE_ORDER = {"": (PREPARED,), PREPARED: (READY,), READY: (SECCOMP, "eof"), SECCOMP: ("eof",)}
EXEC_ORDER = {"": (READY,), READY: (SECCOMP, "eof"), SECCOMP: ("eof",)}


class ParentGone(Exception):
    """The process that created us is no more."""


class InitError(Fault):
    """The child's own words for what went wrong."""


class Message:
    """One word, its text, and a number where it carries one."""

    __slots__ = ("code", "kind", "number", "text")

    def __init__(self, kind: str, text: str = "", code: str = "", number: int = -1) -> None:
        self.kind = kind
        self.text = text
        self.code = code
        self.number = number


class Order:
    """Accepts the child's messages only in a legal order."""

    def __init__(self, table: dict[str, tuple[str, ...]]) -> None:
        self._table = table
        self._last = ""

    def accept(self, kind: str) -> None:
        """Note `kind` as the latest message, or refuse it."""
        if kind not in self._table.get(self._last, ()):
            what = "died" if kind == "eof" else f"sent {kind!r}"
            raise Fault(f"container init {what} after {self._last or 'its start'!r}")
        self._last = kind

    @property
    def finished(self) -> bool:
        return self._last == "eof"


class Channel:
    """One end of the pair. A packet is a message: nothing is ever half read."""

    __slots__ = ("_socket",)

    def __init__(self, end: "_socket.socket") -> None:
        self._socket = end

    @classmethod
    def pair(cls) -> "tuple[Channel, Channel]":
        """The parent's end and the child's."""
        kind = _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC
        parent, child = _socket.socketpair(_socket.AF_UNIX, kind)
        return cls(parent), cls(child)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, message: Message) -> None:
        """Send one message; the text is cut where it would not fit a packet."""
        packet = [message.kind, message.text[: _LARGEST // 8], message.code, message.number]
        self._socket.send(dumps(packet).encode(errors="backslashreplace"))

    def receive(self) -> Message | None:
        """The next message, None when the other end is closed."""
        try:
            packet = self._socket.recv(_LARGEST)
        except ConnectionResetError:  # closed with a message of ours unread
            return None
        if not packet:
            return None
        fields = loads(packet)
        assert isinstance(fields, list)
        return Message(*fields)

    def ask(self, message: Message) -> None:
        """The child's side of a step: say it, and wait until the parent lets us go on."""
        self.send(message)
        self.await_proceed()

    def await_proceed(self) -> None:
        """Wait for `proceed`."""
        answer = self.receive()
        if answer is None:
            raise ParentGone
        if answer.kind != PROCEED:
            raise Fault(f"unexpected message from the parent: {answer.kind!r}")


def connect(path: str) -> int:
    """A stream connection to a unix socket; its fd."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        connection.connect(path)
    except OSError as error:
        raise Fault(f"dial unix {path}: connect: {reason_of(error)}") from error
    else:
        return connection.detach()
    finally:
        connection.close()


def send_fd(connection: int, fd: int, name: str) -> None:
    """Send an fd by SCM_RIGHTS, its name as the payload, as runc does for console sockets."""
    channel = _socket.socket(fileno=connection)
    try:
        channel.sendmsg([name.encode()], [(_SOL_SOCKET, _SCM_RIGHTS, fd.to_bytes(4, "little"))])
    finally:
        channel.detach()


def receive_fd(connection: int) -> int:
    """Receive what `send_fd` sent; -1 when the other end closed."""
    channel = _socket.socket(fileno=connection)
    try:
        _, control, _, _ = channel.recvmsg(4096, _socket.CMSG_SPACE(4), _MSG_CMSG_CLOEXEC)
    finally:
        channel.detach()
    return int.from_bytes(control[0][2][:4], "little") if control else -1
