"""The engine's HTTP API for commands: plain requests, streams, hijacked connections. Blocking, stdlib only."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlencode

from engine.cli.address import Address
from engine.cli.errors import DaemonError, DaemonUnreachable

if TYPE_CHECKING:
    from ssl import SSLContext

    from engine.cli.ssh import Destination

API_VERSION = "1.51"  # the newest this program speaks; an older engine is asked in its own version
Params = Mapping[str, Any]


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


class _SshConnection(http.client.HTTPConnection):
    """HTTP through an ssh."""

    def __init__(self, destination: "Destination") -> None:
        super().__init__("localhost")
        self._destination = destination

    def connect(self) -> None:
        from engine.cli import ssh

        self.sock = ssh.connect(self._destination)


class Daemon:
    """One engine. Each request has a connection of its own: a command makes few, and some of them never end."""

    def __init__(
        self, address: Address, tls: "SSLContext | None" = None, starter: Callable[[str], None] | None = None
    ) -> None:
        self.address = address
        self._tls = tls
        self._starter = starter
        self._version: str | None = None

    def never_start(self) -> None:
        """Nobody waits for a daemon: one that is not there stays away."""
        self._starter = None

    # -- plain requests ------------------------------------------------------------------------------------------

    def get(self, path: str, **params: Any) -> Any:
        """GET, decoded from JSON."""
        return self.call("GET", path, params)

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        """POST with a JSON body, decoded from JSON; None for an empty answer."""
        return self.call("POST", path, params, body)

    def delete(self, path: str, **params: Any) -> Any:
        """DELETE, decoded from JSON."""
        return self.call("DELETE", path, params)

    def call(self, method: str, path: str, params: Params, body: Any = None, headers: Params | None = None) -> Any:
        """One request, whole; raises DaemonError with the engine's words, DaemonUnreachable when nobody answers."""
        response = self.open(method, path, params, body, headers)
        content = response.read()
        if not content:
            return None
        try:
            return json.loads(content)
        except ValueError as error:
            raise DaemonError(f"not JSON in the answer to {method} {path}", response.status) from error

    def open(
        self,
        method: str,
        path: str,
        params: Params,
        body: Any = None,
        headers: Params | None = None,
        upload: IO[bytes] | Iterator[bytes] | None = None,
    ) -> http.client.HTTPResponse:
        """One request whose answer is read by the caller; `upload` is sent chunked, `body` as JSON."""
        connection = self._connection()
        sent = dict(headers or {})
        content: Any = upload
        if upload is None and (body is not None or method == "POST"):
            content = b"" if body is None else json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, self._target(path, params), content, sent, encode_chunked=False)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._unreachable(error) from error
        if response.status >= 400:
            raise DaemonError(_message(response.read(), response.reason), response.status)
        return response

    def objects(self, method: str, path: str, params: Params, **options: Any) -> Iterator[dict[str, Any]]:
        """A stream of JSON objects, one per line, as they come."""
        with self.open(method, path, params, **options) as response:
            for line in response:
                if line.strip():
                    yield json.loads(line)

    # -- hijacked connections ------------------------------------------------------------------------------------

    def hijack(self, path: str, params: Params, body: Any = None) -> "Hijacked":
        """POST and take the connection over: raw bytes both ways after the answer's head."""
        connection = self._connection()
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"POST {self._target(path, params)} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        try:
            connection.connect()
            taken = connection.sock
            assert taken is not None
            taken.sendall(head.encode() + content)
            answer, rest = _read_head(taken)
        except OSError as error:
            connection.close()
            raise self._unreachable(error) from error
        status = int(answer.split(None, 2)[1])
        if status not in (101, 200):
            with taken:
                raise DaemonError(_message(_body(taken, answer, rest), answer.splitlines()[0]), status)
        return Hijacked(taken, rest)

    def connect(self) -> socket.socket:
        """A bare connection, in TLS where that is configured; raises DaemonUnreachable when nobody answers."""
        connection = self._connection()
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise self._unreachable(error) from error
        assert connection.sock is not None
        return connection.sock

    # -- versions ------------------------------------------------------------------------------------------------

    def ping(self) -> None:
        """Ask whether the engine is there, and agree on a version with it; start one where that is our business."""
        try:
            response = self._ping()
        except (FileNotFoundError, ConnectionRefusedError) as error:
            if self._starter is None:
                raise self._unreachable(error) from error
            self._starter(self.address.text)
            response = self._ping()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        theirs = response.getheader("Api-Version") or API_VERSION
        self._version = min(theirs, API_VERSION, key=_version_key)

    def _ping(self) -> http.client.HTTPResponse:
        with closing(self._connection()) as connection:
            connection.request("GET", "/_ping")
            response = connection.getresponse()
            response.read()
            return response

    def _target(self, path: str, params: Params) -> str:
        if self._version is None:
            self.ping()
        query = urlencode({key: _text(value) for key, value in params.items() if value is not None}, doseq=True)
        return f"/v{self._version}{path}" + (f"?{query}" if query else "")

    def _connection(self) -> http.client.HTTPConnection:
        if self.address.path:
            return _UnixConnection(self.address.path)
        if self.address.ssh is not None:
            return _SshConnection(self.address.ssh)
        if self._tls is not None:
            return http.client.HTTPSConnection(self.address.host, self.address.port, context=self._tls)
        return http.client.HTTPConnection(self.address.host, self.address.port)

    def _unreachable(self, error: Exception) -> DaemonUnreachable:
        return DaemonUnreachable(self.address.text, getattr(error, "strerror", None) or str(error) or repr(error))


class Hijacked:
    """A connection taken over from HTTP: `read` gives what the engine sends, `close_input` says that we are done."""

    def __init__(self, taken: socket.socket, first: bytes) -> None:
        self.socket = taken
        self._first = first

    def read(self, size: int = 65536) -> bytes:
        """Some bytes, or none at the end."""
        if self._first:
            taken, self._first = self._first[:size], self._first[size:]
            return taken
        try:
            return self.socket.recv(size)
        except ConnectionResetError:
            return b""

    def write(self, data: bytes) -> None:
        """Send to the process's standard input."""
        self.socket.sendall(data)

    def close(self) -> None:
        """Let go of the connection."""
        self.socket.close()

    def close_input(self) -> None:
        """Half-close: the process sees the end of its input, and its output still arrives."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # the engine has closed already, which is the same to the process


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dict):
        return json.dumps(value)
    return value


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _message(content: bytes, fallback: str) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace").strip() or fallback


def _read_head(taken: socket.socket) -> tuple[str, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        more = taken.recv(65536)
        if not more:
            raise ConnectionResetError("the engine closed the connection")
        received += more
    head, _, rest = received.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def _body(taken: socket.socket, head: str, received: bytes) -> bytes:
    """An error's body after a refused upgrade: as long as it says, or to the end."""
    length = next((int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:")), None)
    while length is None or len(received) < length:
        more = taken.recv(65536)
        if not more:
            break
        received += more
    return received
