"""The console socket: a master end arrives over it."""

import array
import os
import pty
import socket
import stat
from pathlib import Path

import pytest

from shim.console import ConsoleSocket, resize


def send(path: str, fds: list[int]) -> None:
    """What a runtime does."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        connection.sendmsg([b"/dev/pts/0"], ancillary)


async def test_the_master_is_received() -> None:
    """Non-blocking; its pty works."""
    console = ConsoleSocket()
    master, slave = pty.openpty()
    send(console.path, [master])
    os.close(master)
    received = await console.receive()
    console.close()
    resize(received, 90, 20)
    assert os.get_terminal_size(slave) == (90, 20)
    assert not os.get_blocking(received)
    os.close(received)
    os.close(slave)


async def test_a_message_without_one_is_an_error() -> None:
    """The runtime is broken, then."""
    console = ConsoleSocket()
    send(console.path, [])
    with pytest.raises(OSError, match="no terminal"):
        await console.receive()
    console.close()


def test_its_folder_is_private_and_goes_away() -> None:
    """Nobody else may connect."""
    console = ConsoleSocket()
    folder = Path(console.path).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(console.path) < 100
    console.close()
    assert not folder.exists()
