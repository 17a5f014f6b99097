"""Clients of BuildKit's protocol that do not keep to it: garbage, silence, half a build and gone. Nothing stays."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests import needs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.overlay]

WITHIN = 60.0
SLACK = 4  # descriptors that the engine opens for itself, once
UPGRADE = "Connection: Upgrade\r\nUpgrade: h2c\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("buildkit") / "e") as made:
        with _asked(made, "/grpc", UPGRADE) as first:  # what the server itself holds is no client's
            first.sendall(PREFACE + SETTINGS)
            assert first.recv(1)
        yield made


@contextlib.contextmanager
def _asked(engine: Engine, target: str, headers: str) -> Iterator[socket.socket]:
    """A connection that was taken over."""
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(WITHIN)
        made.connect(str(engine.socket))
        made.sendall(f"POST {target} HTTP/1.1\r\nHost: d\r\n{headers}\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = made.recv(1)
            assert piece, head
            head += piece
        assert head.startswith(b"HTTP/1.1 101"), head
        yield made


def _session(engine: Engine, name: str) -> "contextlib.AbstractContextManager[socket.socket]":
    method = "X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.FileSync/DiffCopy\r\n"
    return _asked(engine, "/session", f"{UPGRADE}X-Docker-Expose-Session-Uuid: {name}\r\n{method}")


def _descriptors(engine: Engine) -> int:
    return len(os.listdir(f"/proc/{(engine.folder / 'pid').read_text()}/fd"))


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@contextlib.contextmanager
def _nothing_stays(engine: Engine) -> Iterator[None]:
    """No descriptors that were not there before, and an engine that answers."""
    before = _descriptors(engine)
    yield
    _until(
        lambda: _descriptors(engine) <= before + SLACK, "the engine still holds descriptors of clients that have gone"
    )
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(WITHIN)
        made.connect(str(engine.socket))
        made.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
        assert made.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    "said",
    [
        b"\xff" * 65536,
        PREFACE,
        PREFACE + b"\xff\xff\xff\x04\x00\x00\x00\x00\x00",  # a frame of 16 MiB
        PREFACE + SETTINGS + b"\x00\x00\x08\x01\x24\x00\x00\x00\x01" + b"\xff" * 8,  # headers that are none
        SETTINGS + b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00",  # a window of nothing
        SETTINGS * 4096,
    ],
    ids=("noise", "preface", "size", "headers", "window", "settings"),
)
def test_garbage_is_nobodys_loss(engine: Engine, said: bytes) -> None:
    with _nothing_stays(engine), contextlib.ExitStack() as stack:
        for number in range(10):
            for connection in (
                stack.enter_context(_asked(engine, "/grpc", UPGRADE)),
                stack.enter_context(_session(engine, f"garbage{number}")),
            ):
                with contextlib.suppress(OSError):
                    connection.sendall(said)


def test_a_session_that_never_answers_is_waited_for_until_it_goes(engine: Engine) -> None:
    with _nothing_stays(engine):
        with _session(engine, "silent") as session, socket.socket(socket.AF_UNIX) as build:
            session.sendall(SETTINGS)
            build.settimeout(WITHIN)
            build.connect(str(engine.socket))
            target = "/build?version=2&remote=client-session&session=silent"
            build.sendall(f"POST {target} HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n".encode())
            assert build.recv(12) == b"HTTP/1.1 200"
            heard = b""
            while b"moby.buildkit.trace" not in heard:
                heard += build.recv(4096)
            session.shutdown(socket.SHUT_RDWR)
            while b'"error"' not in heard:
                piece = build.recv(4096)
                assert piece, heard
                heard += piece
        failed = next(json.loads(line) for line in heard.splitlines() if b'"error"' in line)
        assert failed["error"]


def test_a_build_whose_client_says_nothing_more_ends_with_it(engine: Engine) -> None:
    with _nothing_stays(engine), _session(engine, "gone") as session:
        session.sendall(SETTINGS)
        for _number in range(10):
            with socket.socket(socket.AF_UNIX) as build:
                build.settimeout(WITHIN)
                build.connect(str(engine.socket))
                target = "/build?version=2&remote=client-session&session=gone"
                build.sendall(f"POST {target} HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n".encode())
                assert build.recv(12) == b"HTTP/1.1 200"


def test_an_upload_that_no_build_wants_goes_with_its_client(engine: Engine) -> None:
    with _nothing_stays(engine), socket.socket(socket.AF_UNIX) as upload:
        upload.settimeout(WITHIN)
        upload.connect(str(engine.socket))
        target = "/build?version=2&remote=client-session&buildid=upload-request:nobody"
        upload.sendall(f"POST {target} HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\n\r\nabcd".encode())
