"""User namespaces of containers, made before the container: its network namespace has to belong to it, and mounts are
shown through it.

A small process keeps the namespace until the runtime has entered it (`holder`); afterwards the container does. So
nothing of it is left, however the engine ends.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

from engine.users import holder
from engine.users.idmap import IdMap
from proto.errdefs import FailedPrecondition


@dataclass(frozen=True, slots=True)
class Held:
    """A user namespace that somebody keeps, and a network namespace in it."""

    ids: IdMap
    user: str  # paths, for as long as it is held
    network: str
    fd: int


class Keeper:
    """Has the small program make them; it is started when first asked."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._program: subprocess.Popen[bytes] | None = None

    @contextlib.asynccontextmanager
    async def held(self, ids: IdMap, join: str = "") -> AsyncIterator[Held]:
        """A new namespace with this mapping, or the one at a path, which has it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            ours.setblocking(False)
            with theirs:
                self._ask(theirs, join)
            folder = f"/proc/{await _pid(ours)}"
            if not join:
                for name, text in zip(("uid_map", "gid_map"), ids.lines(), strict=True):
                    _write(f"{folder}/{name}", text)
            fd = os.open(f"{folder}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
            try:
                yield Held(ids, join or f"{folder}/ns/user", f"{folder}/ns/net", fd)
            finally:
                os.close(fd)

    def _ask(self, answer: socket.socket, join: str) -> None:
        with contextlib.ExitStack() as stack:
            fds = [answer.fileno()]
            if join:
                fds.append(os.open(join, os.O_RDONLY | os.O_CLOEXEC))
                stack.callback(os.close, fds[1])
            try:
                socket.send_fds(self._started(), [b"."], fds)
            except OSError:  # it was killed: another one, once
                self.close()
                socket.send_fds(self._started(), [b"."], fds)

    def _started(self) -> socket.socket:
        if self._control is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                command = [sys.executable, "-IS", holder.__file__, str(theirs.fileno())]
                self._program = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),))
            self._control = ours
        return self._control

    def close(self) -> None:
        """Let the program end; what it made lasts as long as whoever asked for it wants it."""
        if self._control is not None and self._program is not None:
            self._control.close()
            self._program.wait()
        self._control = self._program = None


async def _pid(answer: socket.socket) -> int:
    said = await asyncio.get_running_loop().sock_recv(answer, 64)
    if not said.isdigit():
        reason = os.strerror(int(said.removeprefix(b"error "))).lower() if said else "whoever makes it was killed"
        raise FailedPrecondition(f"cannot make a user namespace: {reason}")
    return int(said)


def _write(path: str, text: str) -> None:
    """In one write(2), as the kernel wants it."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    except OSError as error:
        raise FailedPrecondition(f"cannot map ids: {(error.strerror or '').lower()}: {text.strip()}") from error
    finally:
        os.close(fd)
