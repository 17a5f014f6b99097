"""The other side of `/build/channel`: secrets and contexts sent ahead, our SSH agents lent, a result taken.

The channel lives as long as `opened`'s block. For each agent one connection to the engine is kept in waiting; when a
step uses it, it is joined with a fresh one to the agent, and the next one is put in its place.
"""

import base64
import contextlib
import os
import secrets as random
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from engine.cli.build_listing import Readable
from engine.cli.client import Daemon, Hijacked
from engine.cli.errors import CommandFailed

_PIECE = 1 << 16


class BuildChannel:
    """One open channel."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.token = random.token_hex(16)
        self._query = {"channel": self.token}
        self._connections: set[Hijacked] = set()
        self._guard = threading.Lock()
        self._closed = False

    def send_secrets(self, values: Mapping[str, bytes]) -> None:
        """Before the build that may ask for them."""
        body = {name: base64.b64encode(value).decode() for name, value in values.items()}
        self._daemon.call("POST", "/build/channel/secrets", self._query, body)

    def send_context(self, name: str, tar: Readable) -> None:
        """A folder for `COPY --from=name`."""
        headers = {"Content-Type": "application/x-tar"}
        with self._daemon.open(
            "POST", "/build/channel/context", {**self._query, "name": name}, headers=headers, upload=pieces(tar)
        ) as response:
            response.read()

    def compare(self, key: str, rows: list[list[str | int]]) -> list[int]:
        """Tell what the context has; answers the numbers of the rows whose files the engine lacks."""
        answer = self._daemon.call("POST", "/build/channel/tree", {**self._query, "key": key}, rows)
        return list(answer["lacking"])

    def lend(self, name: str, agent: str) -> None:
        """Let steps reach the agent that listens at a path."""
        first = self._wait(name)
        threading.Thread(target=self._serve, args=(name, agent, first), name=f"agent {name}", daemon=True).start()

    def result(self) -> IO[bytes]:
        """The tar of what was built."""
        return self._daemon.open("GET", "/build/channel/result", self._query)

    def _wait(self, name: str) -> Hijacked:
        connection = self._daemon.hijack("/build/channel/agent", {**self._query, "id": name})
        with self._guard:
            self._connections.add(connection)
            if self._closed:
                raise OSError("the channel is closed")
        return connection

    def _serve(self, name: str, agent: str, waiting: Hijacked) -> None:
        with contextlib.suppress(OSError):
            while data := waiting.read(_PIECE):
                following = self._wait(name)
                threading.Thread(target=self._join, args=(agent, waiting, data), daemon=True).start()
                waiting = following

    def _join(self, agent: str, connection: Hijacked, data: bytes) -> None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as ours:
            ours.connect(agent)
            ours.sendall(data)
            back = threading.Thread(target=_copy, args=(ours, connection), daemon=True)
            back.start()
            while data := connection.read(_PIECE):
                ours.sendall(data)
            ours.shutdown(socket.SHUT_RDWR)
            back.join()
        self._forget(connection)

    def _forget(self, connection: Hijacked) -> None:
        with self._guard:
            self._connections.discard(connection)
        connection.close()

    def close(self) -> None:
        """No step can reach anything of ours any more."""
        with self._guard:
            self._closed = True
            connections, self._connections = self._connections, set()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
            connection.close()


def pieces(body: Readable) -> Iterator[bytes]:
    """A body in larger pieces than http.client's own."""
    return iter(lambda: body.read(1 << 18), b"")


def _copy(source: socket.socket, target: Hijacked) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            target.write(data)
        target.socket.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def opened(daemon: Daemon) -> Iterator[BuildChannel]:
    """A channel for the length of a block."""
    channel = BuildChannel(daemon)
    holding = daemon.hijack("/build/channel", {"channel": channel.token})
    try:
        yield channel
    finally:
        channel.close()
        holding.close()


def agents(words: Sequence[str]) -> dict[str, str]:
    """`--ssh default`, `--ssh id=/path/to/socket`: the path of each agent's socket."""
    found = {}
    for word in words:
        name, _, path = word.partition("=")
        path = path or os.environ.get("SSH_AUTH_SOCK", "")
        if not path:
            raise CommandFailed(f"--ssh {name}: no agent is running: SSH_AUTH_SOCK is not set")
        try:
            is_socket = os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
        except OSError:
            is_socket = False
        if not is_socket:
            raise CommandFailed(f"--ssh {name}: {path} is not an agent's socket; keys are given to an agent by ssh-add")
        found[name or "default"] = path
    return found
