"""The conversation between parent and child, and its order."""

import os
import socket
from pathlib import Path

import pytest

from lowrt.errors import Fault
from lowrt.init import sync
from lowrt.init.sync import CREATE_ORDER, EXEC_ORDER, Channel, Message, Order, ParentGone


@pytest.mark.parametrize(
    ("table", "kinds"),
    [
        (CREATE_ORDER, ["prepared", "ready", "eof"]),
        (CREATE_ORDER, ["prepared", "ready", "seccomp", "eof"]),
        (EXEC_ORDER, ["ready", "eof"]),
        (EXEC_ORDER, ["ready", "seccomp", "eof"]),
    ],
)
def test_the_legal_orders(table: dict[str, tuple[str, ...]], kinds: list[str]) -> None:
    order = Order(table)
    for kind in kinds:
        assert not order.finished
        order.accept(kind)
    assert order.finished


@pytest.mark.parametrize(
    ("table", "kinds", "words"),
    [
        (CREATE_ORDER, ["eof"], "container init died after 'its start'"),
        (CREATE_ORDER, ["ready"], "container init sent 'ready' after 'its start'"),
        (CREATE_ORDER, ["prepared", "eof"], "container init died after 'prepared'"),
        (CREATE_ORDER, ["prepared", "prepared"], "container init sent 'prepared' after 'prepared'"),
        (EXEC_ORDER, ["prepared"], "container init sent 'prepared' after 'its start'"),
        (EXEC_ORDER, ["ready", "seccomp", "seccomp"], "container init sent 'seccomp' after 'seccomp'"),
        (EXEC_ORDER, ["ready", "eof", "ready"], "container init sent 'ready' after 'eof'"),
    ],
)
def test_any_other_order_is_refused(table: dict[str, tuple[str, ...]], kinds: list[str], words: str) -> None:
    order = Order(table)
    for kind in kinds[:-1]:
        order.accept(kind)
    with pytest.raises(Fault) as caught:
        order.accept(kinds[-1])
    assert str(caught.value) == words


def test_a_message_arrives_whole() -> None:
    parent, child = Channel.pair()
    child.send(Message("seccomp", "text \udcff", "code", 7))
    message = parent.receive()
    assert message is not None
    assert (message.kind, message.code, message.number) == ("seccomp", "code", 7)
    child.close()
    assert parent.receive() is None
    parent.close()


def test_a_long_message_is_cut_not_lost() -> None:
    parent, child = Channel.pair()
    child.send(Message("error", "\x01" * 100_000))
    message = parent.receive()
    assert message is not None
    assert message.text.startswith("\x01" * 1000)
    child.close()
    parent.close()


def test_a_child_whose_parent_is_gone_learns_it() -> None:
    parent, child = Channel.pair()
    parent.close()
    with pytest.raises(ParentGone):
        child.await_proceed()
    child.close()


def test_a_parent_that_closes_with_a_message_unread_is_gone_too() -> None:
    parent, child = Channel.pair()
    child.send(Message("warning"))
    parent.close()
    with pytest.raises(ParentGone):
        child.await_proceed()
    child.close()


def test_only_proceed_lets_the_child_go_on() -> None:
    parent, child = Channel.pair()
    parent.send(Message("ready"))
    with pytest.raises(Fault, match="unexpected message"):
        child.await_proceed()
    parent.close()
    child.close()


def test_an_fd_is_sent_with_its_name() -> None:
    near, far = socket.socketpair()
    with near, far:
        sync.send_fd(near.fileno(), 0, "/dev/ptmx")
        fd = sync.receive_fd(far.fileno())
    assert os.fstat(fd).st_ino == os.fstat(0).st_ino
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_no_fd_is_minus_one() -> None:
    near, far = socket.socketpair()
    with far:
        near.close()
        assert sync.receive_fd(far.fileno()) == -1


def test_a_socket_that_is_not_there_is_named_as_go_names_it(tmp_path: Path) -> None:
    with pytest.raises(Fault) as caught:
        sync.connect(str(tmp_path / "s"))
    assert str(caught.value) == f"dial unix {tmp_path}/s: connect: no such file or directory"
