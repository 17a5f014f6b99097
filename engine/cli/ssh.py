"""`ssh://[user@]host[:port][/socket]`: each connection is an ssh that runs `system dial-stdio` on the other side, where
the program is wherry or, without it, docker. ssh's own words go to our stderr; keys and hosts are ssh's business.
"""

import os
import shlex
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.cli.errors import CommandFailed


@dataclass(frozen=True, slots=True)
class Destination:
    """Where ssh goes, and the socket to name there, if not the default one."""

    host: str
    user: str = ""
    port: int = 0
    path: str = ""

    @property
    def words(self) -> list[str]:
        """ssh's command line. Nothing of it can be an option: names that begin with a dash are refused."""
        words = ["ssh", "-o", "ConnectTimeout=30", "-T"]
        if self.user:
            words += ["-l", self.user]
        if self.port:
            words += ["-p", str(self.port)]
        return [*words, "--", self.host, self.command]

    @property
    def command(self) -> str:
        """For the other side's shell."""
        named = f" --host {shlex.quote(f'unix://{self.path}')}" if self.path else ""
        tail = f"{named} system dial-stdio"
        inner = f"if command -v wherry >/dev/null 2>&1; then exec wherry{tail}; else exec docker{tail}; fi"
        return f"sh -c {shlex.quote(inner)}"


def parse(text: str) -> Destination:
    """Refuses what ssh could take for something else."""
    try:
        parts = urlsplit(text)
        port = parts.port or 0
    except ValueError as error:
        raise CommandFailed(f"unable to parse host {text!r}: {error}") from None
    host, user = parts.hostname or "", parts.username or ""
    if not host or host.startswith("-") or user.startswith("-"):
        raise CommandFailed(f"unable to parse host {text!r}: no host is named")
    if parts.password is not None:
        raise CommandFailed(f"unable to parse host of {user}@{host}: plain-text password is not supported")
    if parts.query or parts.fragment:
        raise CommandFailed(f"unable to parse host {text!r}: extra query or fragment after the path")
    return Destination(host, user, port, parts.path if parts.path != "/" else "")


def connect(destination: Destination) -> socket.socket:
    """Start an ssh; its stdin and stdout are the other end of what is returned. It ends when that is closed."""
    _reap()
    ours, theirs = socket.socketpair()
    with theirs:
        number = theirs.fileno()
        actions = [(os.POSIX_SPAWN_DUP2, number, 0), (os.POSIX_SPAWN_DUP2, number, 1)]
        try:
            _running.append(os.posix_spawnp("ssh", destination.words, os.environ, file_actions=actions))
        except OSError as error:
            ours.close()
            raise CommandFailed(f"cannot start ssh: {error.strerror}") from None
    return ours


_running: list[int] = []


def _reap() -> None:
    """Those of earlier connections that have ended."""
    _running[:] = [pid for pid in _running if os.waitpid(pid, os.WNOHANG)[0] == 0]
