"""The client: authentication, calls, signals that come at any time, and peers that misbehave."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lowrt.dbus.connection import Connection, DBusError, socket_path
from lowrt.dbus.wire import WireError
from lowrt.errors import Fault
from tests.fakes.lowrt_systemd import JOB, FakeSystemd


@pytest.fixture
def systemd() -> FakeSystemd:
    return FakeSystemd()


@pytest.fixture
def connection(systemd: FakeSystemd, tmp_path: Path) -> Iterator[Connection]:
    with systemd.serving(tmp_path) as address:
        made = Connection.open(address, bus=True)
        yield made
        made.close()


def call(connection: Connection, member: str, signature: str = "", body: tuple[object, ...] = ()) -> tuple[object, ...]:
    return connection.call("org.x", "/x", "org.x", member, signature, body)


def test_hello_is_said_to_a_bus_before_anything_else(connection: Connection, systemd: FakeSystemd) -> None:
    assert systemd.members() == ["Hello"]


def test_a_refusal_has_its_name_and_its_words(connection: Connection, systemd: FakeSystemd) -> None:
    systemd.refusals["Do"] = [("org.x.Error.No", "not today"), ("org.x.Error.Mute", "")]
    with pytest.raises(DBusError, match="not today") as raised:
        call(connection, "Do")
    assert raised.value.name == "org.x.Error.No"
    with pytest.raises(DBusError, match="org.x.Error.Mute"):
        call(connection, "Do")


def test_a_signal_that_comes_before_the_answer_is_kept(connection: Connection) -> None:
    assert call(connection, "StartTransientUnit", "ssa(sv)a(sa(sv))", ("a.scope", "replace", [], [])) == (JOB,)
    ended = connection.wait_signal(lambda got: got.body[1] == JOB, 30)
    assert ended is not None
    assert ended.body == (1, JOB, "a.scope", "done")


def test_a_signal_that_does_not_come_is_none(connection: Connection) -> None:
    assert connection.wait_signal(lambda got: True, 0.01) is None


def test_another_uid_is_not_vouched_for(systemd: FakeSystemd, tmp_path: Path) -> None:
    with systemd.serving(tmp_path) as address, pytest.raises(Fault, match="authentication failed: REJECTED"):
        Connection.open(address, bus=True, uid=12345)


def _accept_and_close(listener: socket.socket) -> None:
    listener.accept()[0].close()


def test_a_peer_that_hangs_up_is_an_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "bus"))
        listener.listen()
        thread = threading.Thread(target=_accept_and_close, args=(listener,))
        thread.start()
        with pytest.raises(OSError, match="reset|Broken"):
            Connection.open(f"unix:path={tmp_path}/bus", bus=True)
        thread.join()


def test_of_several_addresses_the_first_that_answers_is_taken(systemd: FakeSystemd, tmp_path: Path) -> None:
    with systemd.serving(tmp_path) as address:
        Connection.open(f"tcp:host=x;unix:path={tmp_path}/none;{address},guid=00", bus=True).close()


def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=f"dial unix {tmp_path}/none: connect: no such file or directory"):
        Connection.open(f"unix:path={tmp_path}/none", bus=True)
    with pytest.raises(Fault, match="no usable address"):
        Connection.open("tcp:host=x", bus=True)


def test_addresses_are_escaped() -> None:
    assert socket_path("unix:path=/run/a%20b,guid=1") == b"/run/a b"
    assert socket_path("unix:abstract=/tmp/x") == b"\0/tmp/x"
    assert socket_path("unixexec:path=/bin/x") is None
    with pytest.raises(WireError):
        socket_path("unix:path=/a%zz")
