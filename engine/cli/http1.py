"""HTTP/1.1 (RFC 9112) as a client with one request per connection: what the command line needs of it, and no more.

`http.client` would load Python's mail parser and TLS at each start, a fifth of the time of `wherry ps`; and it knows no
upgraded connections, most of what a container's client opens.
"""

import io
import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import IO

_PIECE = 1 << 16
_HEAD_LIMIT = 1 << 20  # an answer's head of more than that is no answer of an engine
_LINE_LIMIT = 1 << 12  # of the line before a chunk
_WITHOUT_BODY = (204, 304)

Upload = IO[bytes] | Iterable[bytes]


class BrokenAnswer(ConnectionError):
    """What came is no answer, or ended before the answer did."""


def send(
    sock: socket.socket,
    method: str,
    target: str,
    headers: Mapping[str, str],
    content: "bytes | Upload | None" = None,
) -> None:
    """Send one request; bytes have a length, everything else is sent in chunks as it is read.

    An engine that refuses an upload may answer and close before it has all of it: then the rest stays here, and what it
    said is what counts.
    """
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    if isinstance(content, bytes):
        lines.append(f"Content-Length: {len(content)}")
    elif content is not None:
        lines.append("Transfer-Encoding: chunked")
    head = "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"
    if content is None or isinstance(content, bytes):
        sock.sendall(head + (content or b""))
        return
    sock.sendall(head)
    pieces = _pieces(content)
    try:
        for piece in pieces:
            sock.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        sock.sendall(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        return


def receive(sock: socket.socket, method: str) -> "Response":
    """The answer's head; its body is read from what is returned. Raises BrokenAnswer, OSError."""
    source = _Source(sock)
    while True:
        status, reason, headers = _head(source.head())
        if status == 101 or status >= 200:
            return Response(source, _body(source, method, status, headers), status, reason, headers)


class Response(io.BufferedReader):
    """An answer: its status, and its body as a file. Closing it closes the connection."""

    def __init__(self, source: "_Source", body: io.RawIOBase, status: int, reason: str, headers: Mapping[str, str]):
        super().__init__(body, _PIECE)
        self._source = source
        self._headers = headers
        self.status = status
        self.reason = reason

    def getheader(self, name: str) -> str | None:
        """A header's value by its name in any case; None where there is none."""
        return self._headers.get(name.lower())

    def upgraded(self) -> tuple[socket.socket, bytes]:
        """The connection under an answer that gave it away (101), and what of the stream has come already."""
        return self._source.give()


class _Source:
    """Bytes of a connection in order, by piece or by line."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._pending = b""
        self._given = False

    def head(self) -> str:
        """All up to an empty line."""
        while (end := self._pending.find(b"\r\n\r\n")) < 0:
            if len(self._pending) > _HEAD_LIMIT:
                raise BrokenAnswer("what answers speaks no HTTP")
            self._fill("the engine closed the connection without an answer")
        head, self._pending = self._pending[:end], self._pending[end + 4 :]
        return head.decode("latin-1")

    def line(self) -> bytes:
        """A line of the chunked coding, without its end."""
        while (end := self._pending.find(b"\r\n")) < 0:
            if len(self._pending) > _LINE_LIMIT:
                raise BrokenAnswer("a chunk of the engine's answer has no length")
            self._fill("unexpected end of the engine's answer")
        line, self._pending = self._pending[:end], self._pending[end + 2 :]
        return line

    def into(self, buffer: memoryview) -> int:
        """Some bytes, no more than there is room for; 0 at the end."""
        if not self._pending:
            return self.sock.recv_into(buffer)
        count = min(len(buffer), len(self._pending))
        buffer[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def give(self) -> tuple[socket.socket, bytes]:
        """The connection, which is the caller's now, and what has been received of it and not been read."""
        self._given = True
        return self.sock, self._pending

    def close(self) -> None:
        """Close what is still ours."""
        if not self._given:
            self.sock.close()

    def _fill(self, missing: str) -> None:
        received = self.sock.recv(_PIECE)
        if not received:
            raise BrokenAnswer(missing)
        self._pending += received


class _ToTheEnd(io.RawIOBase):
    """A body that lasts until the connection is closed."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]  # typeshed's name of it is private
        """As a raw file's."""
        return self._source.into(memoryview(buffer))

    def close(self) -> None:
        """Closes the connection, too."""
        if not self.closed:
            self._source.close()
        super().close()


class _OfLength(_ToTheEnd):
    """A body whose length the head told."""

    def __init__(self, source: _Source, length: int) -> None:
        super().__init__(source)
        self._left = length

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        view = memoryview(buffer)[: self._left]
        if not view:
            return 0
        count = self._source.into(view)
        if count == 0:
            raise BrokenAnswer("unexpected end of the engine's answer")
        self._left -= count
        return count


class _Chunked(_OfLength):
    """A body in pieces that each tell their length; the last has none."""

    def __init__(self, source: _Source) -> None:
        super().__init__(source, 0)
        self._first = True
        self._done = False

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        if self._left == 0 and not self._done:
            self._next_chunk()
        return super().readinto(buffer)

    def _next_chunk(self) -> None:
        if not self._first and self._source.line():
            raise BrokenAnswer("a chunk of the engine's answer is longer than it said")
        self._first = False
        try:
            self._left = int(self._source.line().partition(b";")[0], 16)
        except ValueError:
            raise BrokenAnswer("a chunk of the engine's answer has no length") from None
        if self._left == 0:
            self._done = True
            while self._source.line():  # trailers
                pass


def _body(source: _Source, method: str, status: int, headers: Mapping[str, str]) -> io.RawIOBase:
    if method == "HEAD" or status in _WITHOUT_BODY:
        return _OfLength(source, 0)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _Chunked(source)
    length = headers.get("content-length")
    if length is None:
        return _ToTheEnd(source)
    if not length.isdecimal():
        raise BrokenAnswer(f"no length of an answer: {length!r}")
    return _OfLength(source, int(length))


def _head(text: str) -> tuple[int, str, dict[str, str]]:
    first, *lines = text.split("\r\n")
    version, _, rest = first.partition(" ")
    code, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not (code.isdecimal() and len(code) == 3):
        raise BrokenAnswer("what answers speaks no HTTP")
    pairs = (line.partition(":") for line in lines)
    return int(code), reason, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _pieces(content: Upload) -> Iterator[bytes]:
    read = getattr(content, "read", None)
    pieces = iter(content) if read is None else iter(lambda: read(_PIECE), b"")
    return (piece for piece in pieces if piece)
