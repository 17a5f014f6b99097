"""The engine's HTTP API for commands: plain requests, streams, hijacked connections. Blocking."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from engine.cli import http1
from engine.cli.address import Address
from engine.cli.errors import DaemonError, DaemonUnreachable

if TYPE_CHECKING:
    from ssl import SSLContext

API_VERSION = "1.51"  # the newest this program speaks; an older engine is asked in its own version
Params = Mapping[str, Any]


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
        upload: http1.Upload | None = None,
    ) -> http1.Response:
        """One request whose answer is read by the caller; `upload` is sent chunked, `body` as JSON."""
        sent = dict(headers or {})
        content: bytes | http1.Upload | None = upload
        if upload is None and (body is not None or method == "POST"):
            content = b"" if body is None else json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        response = self._exchange(method, self._target(path, params), content, sent)
        if response.status >= 400:
            with response:
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
        headers = {"Connection": "Upgrade", "Upgrade": "tcp", "Content-Type": "application/json"}
        content = b"" if body is None else json.dumps(body).encode()
        response = self._exchange("POST", self._target(path, params), content, headers)
        if response.status not in (101, 200):
            with response:
                raise DaemonError(_message(response.read(), response.reason), response.status)
        return Hijacked(*response.upgraded())

    def connect(self) -> socket.socket:
        """A bare connection, in TLS where that is configured; raises DaemonUnreachable when nobody answers."""
        try:
            return self._connect()
        except OSError as error:
            raise self._unreachable(error) from error

    # -- versions ------------------------------------------------------------------------------------------------

    def require(self, version: str) -> None:
        """Ask in no older version than this from now on; an engine that does not know it says so."""
        if self._version is None:
            self.ping()
        self._version = max(self._version or version, version, key=_version_key)

    def ping(self) -> None:
        """Ask whether the engine is there, and agree on a version with it; start one where that is our business."""
        try:
            theirs = self._ping()
        except DaemonUnreachable as error:
            if self._starter is None or not isinstance(error.__cause__, FileNotFoundError | ConnectionRefusedError):
                raise
            self._starter(self.address.text)
            theirs = self._ping()
        self._version = min(theirs, API_VERSION, key=_version_key)

    def _ping(self) -> str:
        with self._exchange("GET", "/_ping", None, {}) as response:
            response.read()
            return response.getheader("Api-Version") or API_VERSION

    def _target(self, path: str, params: Params) -> str:
        if self._version is None:
            self.ping()
        query = urlencode({key: _text(value) for key, value in params.items() if value is not None}, doseq=True)
        return f"/v{self._version}{path}" + (f"?{query}" if query else "")

    def _exchange(
        self, method: str, target: str, content: bytes | http1.Upload | None, headers: Mapping[str, str]
    ) -> http1.Response:
        """One request on a connection of its own, and the head of what is answered."""
        sock = self.connect()
        try:
            http1.send(sock, method, target, headers, content)
            return http1.receive(sock, method)
        except OSError as error:
            sock.close()
            raise self._unreachable(error) from error
        except BaseException:
            sock.close()
            raise

    def _connect(self) -> socket.socket:
        if self.address.ssh is not None:
            from engine.cli import ssh

            return ssh.connect(self.address.ssh)
        if self.address.path:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(self.address.path)
            except BaseException:
                sock.close()
                raise
            return sock
        sock = socket.create_connection((self.address.host, self.address.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock if self._tls is None else self._tls.wrap_socket(sock, server_hostname=self.address.host)

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
