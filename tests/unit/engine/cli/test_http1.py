"""The HTTP client's own grammar, on a pair of sockets: the other end is played byte by byte."""

import contextlib
import io
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import http1


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def answered(pair: tuple[socket.socket, socket.socket], data: bytes, method: str = "GET") -> http1.Response:
    """What a client reads whose engine says `data` and closes."""
    ours, theirs = pair
    theirs.sendall(data)
    theirs.shutdown(socket.SHUT_WR)
    return http1.receive(ours, method)


def test_a_request_says_how_long_its_body_is(pair: tuple[socket.socket, socket.socket]) -> None:
    http1.send(pair[0], "POST", "/x?a=1", {"Content-Type": "application/json"}, b"{}")
    assert pair[1].recv(1000) == (
        b"POST /x?a=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_a_file_is_sent_in_chunks_and_empty_pieces_do_not_end_it(pair: tuple[socket.socket, socket.socket]) -> None:
    http1.send(pair[0], "PUT", "/x", {}, io.BytesIO(b"abc"))
    http1.send(pair[0], "PUT", "/x", {}, iter([b"de", b"", b"f"]))
    sent = pair[1].recv(1000)
    assert sent.count(b"\r\n0\r\n\r\n") == 2
    assert b"\r\n\r\n3\r\nabc\r\n0\r\n\r\nPUT" in sent
    assert sent.endswith(b"\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n")


def test_an_upload_that_is_refused_half_way_still_gets_the_answer() -> None:
    """The engine answers, reads no more and closes: its words count, not the broken pipe."""
    ours, theirs = socket.socketpair()
    refused = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno!"

    def refuse() -> None:
        with theirs:
            theirs.recv(100)
            theirs.sendall(refused)

    thread = threading.Thread(target=refuse)
    thread.start()
    with ours:
        http1.send(ours, "PUT", "/x", {}, (b"x" * 65536 for _ in range(1000)))
        thread.join()
        response = http1.receive(ours, "PUT")
        assert (response.status, response.read()) == (400, b"no!")


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=50), max_size=8),
    cuts=st.lists(st.integers(1, 40), min_size=1, max_size=30),
)
def test_chunks_are_the_body_however_they_arrive(pieces: list[bytes], cuts: list[int]) -> None:
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    whole += b"".join(b"%x;ext=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nTrailer: x\r\n\r\n"
    ours, theirs = socket.socketpair()

    def play() -> None:
        with theirs:
            rest, at = whole, 0
            while rest:
                cut = cuts[at % len(cuts)]
                theirs.sendall(rest[:cut])
                rest, at = rest[cut:], at + 1

    thread = threading.Thread(target=play)
    thread.start()
    with http1.receive(ours, "GET") as response:
        assert response.read() == b"".join(pieces)
    thread.join()


def test_a_line_is_given_when_it_is_there(pair: tuple[socket.socket, socket.socket]) -> None:
    """Events are read as they come: the connection stays open meanwhile."""
    pair[1].sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"a":1}\n\r\n')
    with http1.receive(pair[0], "GET") as response:
        assert response.readline() == b'{"a":1}\n'
        pair[1].sendall(b"2\r\n{}\r\n")
        assert response.read1(100) == b"{}"


def test_a_body_without_a_length_lasts_to_the_end(pair: tuple[socket.socket, socket.socket]) -> None:
    assert answered(pair, b"HTTP/1.0 200 OK\r\n\r\nall of it").read() == b"all of it"


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")]
)
def test_some_answers_have_no_body(pair: tuple[socket.socket, socket.socket], method: str, status: str) -> None:
    response = answered(pair, f"HTTP/1.1 {status}\r\nContent-Length: 7\r\nX-Name:  v \r\n\r\n".encode(), method)
    assert response.read() == b""
    assert response.getheader("x-name") == "v"


def test_answers_on_the_way_to_the_answer_are_passed_over(pair: tuple[socket.socket, socket.socket]) -> None:
    response = answered(pair, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    assert (response.status, response.reason) == (201, "Created")


def test_an_upgraded_connection_outlives_its_answer(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].sendall(b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nfirst")
    response = http1.receive(pair[0], "POST")
    taken, first = response.upgraded()
    del response
    assert first == b"first"
    pair[1].sendall(b"more")
    assert taken.recv(10) == b"more"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"x" * (2 << 20),
    ],
)
def test_what_is_no_answer_is_said_to_be_none(said: bytes) -> None:
    ours, theirs = socket.socketpair()

    def play() -> None:
        with theirs, contextlib.suppress(BrokenPipeError):  # the client has heard enough
            theirs.sendall(said)

    thread = threading.Thread(target=play)
    thread.start()
    with ours, pytest.raises(http1.BrokenAnswer):
        http1.receive(ours, "GET")
    thread.join()


@pytest.mark.parametrize(
    "said",
    [
        b"Content-Length: 5\r\n\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 10_000,
    ],
)
def test_a_body_that_ends_too_soon_is_no_whole_body(pair: tuple[socket.socket, socket.socket], said: bytes) -> None:
    """A truncated archive would pass for a whole one."""
    response = answered(pair, b"HTTP/1.1 200 OK\r\n" + said)
    with pytest.raises(http1.BrokenAnswer):
        response.read()
