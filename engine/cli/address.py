"""Where the engine listens: `unix:///path`, `tcp://host:port`, `ssh://user@host`, and the default."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.cli.errors import CommandFailed

if TYPE_CHECKING:
    from engine.cli.ssh import Destination

DEFAULT_CONTEXT = "default"
DEFAULT = "unix:///run/wherry/docker.sock"


class Address:
    """One parsed host address: `path` for a unix socket, `ssh` for a host behind it, else `host` and `port`."""

    __slots__ = ("host", "path", "port", "ssh", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.path = self.host = ""
        self.port = 0
        self.ssh: Destination | None = None
        scheme, separator, rest = text.partition("://")
        if not separator:
            scheme, rest = "tcp", text
        if scheme == "unix" and rest:
            self.path = rest
        elif scheme == "ssh":
            from engine.cli import ssh

            self.ssh = ssh.parse(text)
        elif scheme in ("tcp", "http", "https"):
            self.host, self.port = _host_and_port(rest.rstrip("/"), text)
        else:
            raise CommandFailed(f"unable to parse host {text!r}: use unix:///path, tcp://host:port or ssh://user@host")


def _host_and_port(rest: str, text: str) -> tuple[str, int]:
    host, separator, port = rest.rpartition(":")
    if not separator:
        host, port = rest, "2375"
    if not port.isdigit():
        raise CommandFailed(f"unable to parse host {text!r}: the port is not a number")
    return host.strip("[]") or "127.0.0.1", int(port)


def choose(option: str | None, environment: Mapping[str, str]) -> tuple[Address, bool]:
    """The address to talk to, and whether it is the default one, which nobody asked for by name."""
    named = option or environment.get("WHERRY_HOST") or environment.get("DOCKER_HOST")
    return Address(named or DEFAULT), named is None


def choose_context(option: str | None, host: str | None, environment: Mapping[str, str]) -> str:
    """Which context a command line means: --context, else `default` where a host is named, else the environment's, else
    the one in use.
    """
    if option and host:
        raise CommandFailed("conflicting options: cannot specify both --host and --context")
    if option:
        return option
    if host or environment.get("WHERRY_HOST") or environment.get("DOCKER_HOST"):
        return DEFAULT_CONTEXT
    from engine.cli import credentials

    return environment.get("DOCKER_CONTEXT") or credentials.read_config().get("currentContext") or DEFAULT_CONTEXT
