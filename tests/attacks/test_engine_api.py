"""Attacks on the engine's HTTP: requests in requests, pages in browsers, more of everything than there is room for.

CVE-2024-41110 and CVE-2026-34040 (bodies that two readers read differently), CVE-2018-20699 (ranges that eat memory).
"""

import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

SMUGGLED = "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def tcp_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, tcp_port: int) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("api")
    with Engine(folder, "-H", f"tcp://127.0.0.1:{tcp_port}", "--debug") as made:
        yield made


def connect(engine: Engine) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(30)
    made.connect(str(engine.socket))
    return made


def answers(engine: Engine, data: bytes) -> bytes:
    """All that comes back until the engine closes, or nothing has come for a while."""
    with connect(engine) as client:
        with contextlib.suppress(ConnectionError):  # an engine that has heard enough may not read the rest
            client.sendall(data)
        received = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while more := client.recv(65536):
                received += more
        return received


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 0\r\nContent-Length: 39\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length: 4 4\r\n",
        "Content-Length: -1\r\n",
        "Content-Length : 4\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "X: a\0b\r\n",
        "X y: 1\r\n",
        "Host: y\r\n",
    ],
)
def test_a_request_in_a_request_is_one_that_is_refused(engine: Engine, head: str) -> None:
    """What has two lengths has none: one answer, 400, and the connection is closed."""
    request = f"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}\r\n0\r\n\r\n"
    received = answers(engine, (request + SMUGGLED).encode())
    assert re.match(rb"HTTP/1\.[01] 400 ", received), received[:200]
    assert len(re.findall(rb"HTTP/1\.[01] ", received)) == 1, received


@pytest.mark.parametrize("chunk", ["zz\r\nabc\r\n", "-1\r\n", "4;\0\r\nabcd\r\n0\r\n\r\n", "1\n{\r\n0\r\n\r\n"])
def test_chunks_that_are_none_are_not_read_as_something_else(engine: Engine, chunk: str) -> None:
    head = "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    received = answers(engine, f"{head}Transfer-Encoding: chunked\r\n\r\n{chunk}{SMUGGLED}".encode())
    assert b"OK" not in received.partition(b"\r\n\r\n")[2]
    assert not received.startswith(b"HTTP/1.1 2")


@pytest.mark.parametrize(
    "line",
    [
        "GET /_ping HTTP/1.1\r\nX: " + "a" * 100_000,
        "GET /" + "a" * 100_000 + " HTTP/1.1",
        "\x16\x03\x01\x02",
        "G" * 70_000,
    ],
)
def test_heads_without_an_end_are_refused(engine: Engine, line: str) -> None:
    received = answers(engine, f"{line}\r\n\r\n".encode())
    assert not re.match(rb"HTTP/1\.[01] 2", received)
    assert engine.out("version", "--format", "{{.Server.Os}}") == "linux"


def post(engine: Engine, path: str, body: bytes, kind: str = "application/json") -> tuple[int, bytes]:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\n"
    received = answers(engine, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return int(received.split()[1]), received.partition(b"\r\n\r\n")[2]


def rss(engine: Engine) -> int:
    """Kilobytes of the engine's memory."""
    pid = (engine.folder / "pid").read_text()
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def test_documents_that_are_too_deep_or_too_large_are_the_clients_mistake(engine: Engine) -> None:
    assert post(engine, "/containers/create", b"[" * 1_000_000)[0] == 400
    assert post(engine, "/containers/create", b'{"Env": ["' + b"a" * (17 << 20) + b'"]}')[0] == 400
    assert post(engine, "/volumes/create", b'{"a":' * 50_000)[0] == 400


def test_a_hundred_thousand_labels_are_a_container_or_a_refusal(engine: Engine) -> None:
    """Neither is a broken engine."""
    labels = {f"label{number}": "x" for number in range(100_000)}
    status, body = post(
        engine, "/containers/create?name=labels", json.dumps({"Image": "busybox", "Labels": labels}).encode()
    )
    assert status in (201, 400), body[:200]
    assert engine.out("ps", "-a", "--filter", "label=label99999", "--format", "{{.Names}}") in ("", "labels")
    engine.docker("rm", "-f", "labels", check=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"CpusetCpus": "1-4294967295"},
        {"CpusetMems": "0-99999999999999999999"},
        {"PortBindings": {"1-65535000/tcp": [{}]}},
        {"Ulimits": [{"Name": "nofile", "Soft": 10**40, "Hard": 10**40}]},
        {"ShmSize": -1},
        {"BlkioWeight": 10**30},
    ],
)
def test_ranges_and_numbers_that_eat_memory_are_refused_at_once(engine: Engine, changes: dict[str, object]) -> None:
    before = rss(engine)
    status, body = post(
        engine,
        "/containers/create?name=ranges",
        json.dumps({"Image": "busybox", "HostConfig": {"NetworkMode": "none"} | changes}).encode(),
    )
    engine.docker("rm", "-f", "ranges", check=False)
    assert status in (400, 500), body
    assert rss(engine) - before < 64 << 10


def test_expressions_that_go_back_for_ever_are_answered_like_others(engine: Engine) -> None:
    engine.docker("create", "--name", "a" * 60, "--network", "none", "busybox")
    try:
        assert engine.out("ps", "-aq", "--filter", "name=(a+)+$b") == ""
        assert engine.out("ps", "-aq", "--filter", "name=^(a|aa)+!") == ""
    finally:
        engine.docker("rm", "-f", "a" * 60)


def http(port: int, head: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(f"{head}Connection: close\r\n\r\n".encode())
        received = b""
        while more := client.recv(65536):
            received += more
        return received


@pytest.mark.parametrize(
    "headers",
    [
        "Host: 127.0.0.1:{port}\r\nOrigin: http://evil.example\r\n",
        "Host: evil.example:{port}\r\nOrigin: http://evil.example:{port}\r\n",
        "Host: evil.example:{port}\r\nUser-Agent: Mozilla/5.0 (X11)\r\n",
    ],
)
def test_a_page_in_a_browser_gets_nothing_of_a_tcp_address(engine: Engine, tcp_port: int, headers: str) -> None:
    """A foreign page's request, and a name that was made to lead here."""
    for line in ("GET /containers/json HTTP/1.1", "POST /containers/prune HTTP/1.1"):
        received = http(tcp_port, f"{line}\r\n{headers.format(port=tcp_port)}Content-Length: 0\r\n")
        assert received.startswith(b"HTTP/1.1 403"), received[:200]


def test_clients_of_the_tcp_address_are_served(engine: Engine, tcp_port: int) -> None:
    assert http(tcp_port, "GET /_ping HTTP/1.1\r\nHost: some.name\r\n").endswith(b"OK")
    words = ["docker", "-H", f"tcp://127.0.0.1:{tcp_port}", "ps", "-q"]
    assert subprocess.run(words, capture_output=True, check=True, timeout=60).stdout == b""


def test_a_form_cannot_be_a_document(engine: Engine) -> None:
    """What a page may send without asking first (text/plain, forms) is no JSON to us."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert post(engine, "/containers/create", b'{"Image": "busybox"}', kind)[0] == 400


def test_hundreds_of_slow_clients_do_not_keep_others_waiting(engine: Engine) -> None:
    """A head byte by byte, a body that never comes, an answer that is never read: each costs its own connection."""
    starts = (
        b"GET /_ping HTT",
        b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
        b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PUT /containers/none/archive?path=/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    )
    times: list[float] = []
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(engine)) for _ in range(400)]
        for number, client in enumerate(clients):
            client.sendall(starts[number % len(starts)])
        for _ in range(50):
            begin = time.monotonic()
            assert answers(engine, b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").endswith(b"OK")
            times.append(time.monotonic() - begin)
        assert engine.docker("run", "--rm", "--network", "none", "busybox", "echo", "on").stdout == "on\n"
    assert statistics.median(times) < 2, times


def test_a_fork_bomb_is_its_own_containers_end(engine: Engine) -> None:
    engine.docker(
        "run",
        "-d",
        "--name",
        "bomb",
        "--network",
        "none",
        "--pids-limit",
        "64",
        "busybox",
        "sh",
        "-c",
        "f() { f | f & }; f; exec sleep 60",
    )
    try:
        assert engine.docker("run", "--rm", "--network", "none", "busybox", "echo", "on").stdout == "on\n"
        assert len(engine.out("top", "bomb").splitlines()) <= 66
    finally:
        engine.docker("rm", "-f", "bomb")


def test_secrets_are_in_no_log_and_no_event(engine: Engine) -> None:
    """CVE-2019-13509: an engine at level debug writes what was asked, and never a password of it."""
    secret = f"canary{os.getpid()}secret"
    lines: list[bytes] = []

    def listen(client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while more := client.recv(65536):
                lines.append(more)

    auth = json.dumps({"username": "me", "password": secret, "serveraddress": "127.0.0.1:9"}).encode()
    with connect(engine) as events:
        events.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        listener = threading.Thread(target=listen, args=(events,))
        listener.start()
        assert post(engine, "/auth", auth)[0] >= 400
        engine.docker("login", "-u", "me", "-p", secret, "127.0.0.1:9", check=False)
        engine.docker("run", "--rm", "--network", "none", "-e", f"TOKEN={secret}", "busybox", "true")
        options = ("-o", "type=cifs", "-o", "device=//127.0.0.1/x", "-o", f"o=username=me,password={secret}")
        engine.docker("volume", "create", *options, "shared", check=False)
        engine.docker("run", "--rm", "--network", "none", "-v", "shared:/x", "busybox", "true", check=False)
        engine.docker("volume", "rm", "-f", "shared", check=False)
        events.shutdown(socket.SHUT_RDWR)
        listener.join(30)
    assert b'"die"' in b"".join(lines)
    assert secret.encode() not in b"".join(lines)
    for log in (engine.log, engine.folder / "exec" / "supervisor" / "supervisor.log"):
        assert secret not in log.read_text(errors="replace"), log
