"""`wherry system dial-stdio`: stdin and stdout become the daemon's socket, which is how `ssh://` hosts work."""

import os
import socket
import sys
import threading

import click

from engine.cli.client import Daemon
from engine.cli.grammar import Command, pass_daemon


@click.command("dial-stdio", cls=Command, hidden=True)
@pass_daemon
def dial_stdio(daemon: Daemon) -> None:
    """Proxy the stdio stream to the daemon connection. Should not be invoked manually."""
    with daemon.connect() as connection:
        threading.Thread(target=_upward, args=(connection,), daemon=True).start()
        while data := connection.recv(65536):
            os.write(sys.stdout.fileno(), data)


def _upward(connection: socket.socket) -> None:
    try:
        while data := os.read(sys.stdin.fileno(), 65536):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        return  # the daemon has closed; the downward copy ends the program
