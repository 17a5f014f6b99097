"""The HTTP client, against a scripted engine on a real socket."""

import io
from pathlib import Path

import pytest

from engine.cli.address import Address
from engine.cli.client import API_VERSION, Daemon
from engine.cli.errors import DaemonError, DaemonUnreachable
from tests.fakes.engine_http import FakeEngine


def test_parameters_travel_as_the_api_wants_them(engine: FakeEngine, daemon: Daemon) -> None:
    """None is left out, truth is 1, a map is JSON."""
    engine.answers["GET /x"] = (200, {"a": 1})
    assert daemon.get("/x", yes=True, no=False, none=None, many={"k": ["v"]}) == {"a": 1}
    assert engine.sent("GET", "/x").query == {"yes": ["1"], "no": ["0"], "many": ['{"k": ["v"]}']}


def test_the_engine_s_words_are_the_error(engine: FakeEngine, daemon: Daemon) -> None:
    """With its status for those who branch on it."""
    engine.answers["POST /x"] = (409, {"message": "in use"})
    with pytest.raises(DaemonError, match="Error response from daemon: in use") as caught:
        daemon.post("/x")
    assert caught.value.status == 409


def test_an_older_engine_is_asked_in_its_own_version(engine: FakeEngine, daemon: Daemon) -> None:
    """And a newer one in ours."""
    engine.api_version = "1.30"
    daemon.ping()
    assert daemon._target("/x", {}) == "/v1.30/x"
    engine.api_version = "1.99"
    daemon.ping()
    assert daemon._target("/x", {}) == f"/v{API_VERSION}/x"


def test_an_upload_is_sent_in_chunks(engine: FakeEngine, daemon: Daemon) -> None:
    """Its length need not be known."""
    engine.answers["POST /x"] = (200, b"")
    daemon.open("POST", "/x", {}, upload=io.BytesIO(b"a" * 100_000)).read()
    assert engine.sent("POST", "/x").body == b"a" * 100_000


def test_a_stream_gives_its_objects_as_they_come(engine: FakeEngine, daemon: Daemon) -> None:
    """One per line."""
    engine.answers["GET /events"] = (200, b'{"a":1}\n\n{"a":2}\n')
    assert list(daemon.objects("GET", "/events", {})) == [{"a": 1}, {"a": 2}]


def test_a_hijacked_connection_gives_what_came_with_the_head_first(engine: FakeEngine, daemon: Daemon) -> None:
    """No byte may be lost between HTTP and the raw stream."""
    engine.answers["POST /attach"] = (101, b"hello")
    connection = daemon.hijack("/attach", {"stdin": 1})
    connection.write(b"input")
    connection.close_input()
    received = b""
    while piece := connection.read():
        received += piece
    connection.close()
    assert received == b"hello"
    assert engine.hijacked_input == b"input"


def test_a_refused_upgrade_is_an_error_like_any_other(engine: FakeEngine, daemon: Daemon) -> None:
    """Its body has the reason."""
    engine.answers["POST /attach"] = (404, {"message": "No such container: x"})
    with pytest.raises(DaemonError, match="No such container: x"):
        daemon.hijack("/attach", {})


def test_nobody_there_says_where_and_what_to_do(tmp_path: Path) -> None:
    """The address is in the sentence."""
    with pytest.raises(DaemonUnreachable, match=r"unix:///.*none.*wherryd"):
        Daemon(Address(f"unix://{tmp_path}/none")).get("/x")


def test_a_daemon_is_started_once_when_nobody_answers(served: tuple[FakeEngine, str], tmp_path: Path) -> None:
    """The request then goes on as if nothing had been amiss."""
    engine, address = served
    engine.answers["GET /x"] = (200, {})
    link = tmp_path / "late.sock"
    started: list[str] = []

    def starter(asked: str) -> None:
        started.append(asked)
        link.symlink_to(address.removeprefix("unix://"))

    daemon = Daemon(Address(f"unix://{link}"), None, starter)
    assert daemon.get("/x") == {}
    assert started == [f"unix://{link}"]
