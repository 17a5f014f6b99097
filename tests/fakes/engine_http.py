"""An engine that answers from a script, over a real unix socket: for the command line's unit tests."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit


class Request(NamedTuple):
    """What a client sent; `path` is without the version prefix."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    version: str = ""

    def json(self) -> Any:
        return json.loads(self.body)


Answer = tuple[int, Any] | Callable[[Request], tuple[int, Any]]


class FakeEngine:
    """`answers` maps "METHOD /path" to a status and a JSON value or bytes; `requests` holds what came."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.requests: list[Request] = []
        self.hijacked_input = b""
        self.api_version = "1.47"

    def sent(self, method: str, path: str) -> Request:
        """The one request of that kind."""
        found = [request for request in self.requests if (request.method, request.path) == (method, path)]
        assert len(found) == 1, [(request.method, request.path) for request in self.requests]
        return found[0]

    def answer(self, request: Request) -> tuple[int, Any]:
        answer = self.answers.get(f"{request.method} {request.path}", (404, {"message": f"no {request.path} here"}))
        return answer(request) if callable(answer) else answer


@contextmanager
def fake_engine(folder: Path) -> Iterator[tuple[FakeEngine, str]]:
    """The engine and its address; the socket is gone afterwards."""
    engine = FakeEngine()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _serve(engine, self)

    path = folder / "engine.sock"
    server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield engine, f"unix://{path}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _serve(engine: FakeEngine, handler: socketserver.StreamRequestHandler) -> None:
    request = _read(handler.rfile)
    if request is None:
        return
    if request.path == "/_ping":
        _write(handler.wfile, 200, b"OK", {"Api-Version": engine.api_version})
        return
    engine.requests.append(request)
    status, value = engine.answer(request)
    if request.headers.get("upgrade") == "tcp" and status < 400:
        handler.wfile.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n" + value)
        handler.wfile.flush()
        if request.query.get("stdin") == ["1"]:
            engine.hijacked_input = handler.rfile.read()
        return
    content = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
    _write(handler.wfile, status, content, engine.headers.get(f"{request.method} {request.path}", {}))


def _read(stream: Any) -> Request | None:
    line = stream.readline().decode()
    if not line:
        return None
    method, target, _ = line.split()
    headers = {}
    while header := stream.readline().decode().strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    body = b""
    if headers.get("transfer-encoding") == "chunked":
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
    elif "content-length" in headers:
        body = stream.read(int(headers["content-length"]))
    parts = urlsplit(target)
    path, version = parts.path, ""
    if path.startswith("/v1."):
        _, version, path = path.split("/", 2)
        path = f"/{path}"
    return Request(method, path, parse_qs(parts.query), headers, body, version.removeprefix("v"))


def _write(stream: Any, status: int, content: bytes, headers: dict[str, str]) -> None:
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    stream.write("\r\n".join([*head, "", ""]).encode() + content)
