"""Where the engine listens: `unix:///path`, `tcp://host:port`, and the default."""

from collections.abc import Mapping

from engine.cli.errors import CommandFailed

DEFAULT = "unix:///run/wherry/docker.sock"


class Address:
    """One parsed host address; `path` for a unix socket, else `host` and `port`."""

    __slots__ = ("host", "path", "port", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.path = self.host = ""
        self.port = 0
        scheme, separator, rest = text.partition("://")
        if not separator:
            scheme, rest = "tcp", text
        if scheme == "unix" and rest:
            self.path = rest
        elif scheme in ("tcp", "http", "https"):
            self.host, self.port = _host_and_port(rest.rstrip("/"), text)
        else:
            raise CommandFailed(f"unable to parse host {text!r}: use unix:///path or tcp://host:port")


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
