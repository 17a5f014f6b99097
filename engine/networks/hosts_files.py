"""The files that dockerd puts over a container's /etc/hosts, /etc/resolv.conf and /etc/hostname. Contents are pure.

They are bound into the container, so a change is written into the same file, not beside it.
"""

import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from proto.errdefs import InvalidArgument

HOST_GATEWAY = "host-gateway"
_LOCAL = (
    ("127.0.0.1", "localhost"),
    ("::1", "localhost ip6-localhost ip6-loopback"),
    ("fe00::", "ip6-localnet"),
    ("ff00::", "ip6-mcastprefix"),
    ("ff02::1", "ip6-allnodes"),
    ("ff02::2", "ip6-allrouters"),
)
OWN_SERVER = "127.0.0.11"
_DEFAULT_SERVERS = ("8.8.8.8", "8.8.4.4")
_RESOLV_CONF = "/etc/resolv.conf"
_BEHIND_STUB = "/run/systemd/resolve/resolv.conf"  # what systemd-resolved's 127.0.0.53 itself asks


@dataclass(frozen=True, slots=True)
class Resolver:
    """What a resolv.conf says."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Resolver":
        servers: list[str] = []
        search: tuple[str, ...] = ()
        options: list[str] = []
        for line in text.splitlines():
            words = line.partition("#")[0].partition(";")[0].split()
            if len(words) < 2:
                continue
            if words[0] == "nameserver":
                servers.append(words[1])
            elif words[0] in ("search", "domain"):
                search = tuple(words[1:])
            elif words[0] == "options":
                options += words[1:]
        return cls(tuple(servers), search, tuple(options))

    def render(self) -> str:
        lines = [f"nameserver {server}" for server in self.servers]
        search = [domain for domain in self.search if domain != "."]  # "." alone asks for none
        if search:
            lines.append(f"search {' '.join(search)}")
        if self.options:
            lines.append(f"options {' '.join(self.options)}")
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a container (or the daemon, for all) asked of its name resolution."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = field(default=())

    def over(self, defaults: "Wishes") -> "Wishes":
        """These, and the daemon's where nothing was asked."""
        return Wishes(
            self.servers or defaults.servers,
            self.search or defaults.search,
            self.options or defaults.options,
            self.extra_hosts,
        )


def hosts(extra: Iterable[tuple[str, str]], own: Iterable[tuple[str, str]]) -> str:
    """/etc/hosts: (address, names) of everybody."""
    return "".join(f"{address}\t{names}\n" for address, names in (*_LOCAL, *extra, *own))


def own_names(hostname: str, domain: str) -> str:
    """The container's names, the full one first."""
    if domain:
        return f"{hostname}.{domain} {hostname}"
    short = hostname.partition(".")[0]
    return hostname if short == hostname else f"{hostname} {short}"


def extra_hosts(texts: Sequence[str], gateway: str) -> list[tuple[str, str]]:
    """`name:address` of --add-host; `host-gateway` is the bridge's address."""
    found = []
    for text in texts:
        name, separator, address = text.partition(":")
        if not separator or not name:
            raise InvalidArgument(f'bad format for add-host: "{text}"')
        if address == HOST_GATEWAY:
            if not gateway:
                raise InvalidArgument("unable to derive the IP value for host-gateway")
            address = gateway
        else:
            address = address.removeprefix("[").removesuffix("]")
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise InvalidArgument(f'invalid IP address in add-host: "{address}"') from None
        found.append((address, name))
    return found


def resolver(host: Resolver, wishes: Wishes, *, shares_host: bool) -> Resolver:
    """/etc/resolv.conf: the host's, without what a container cannot reach, or what was asked for instead."""
    servers = wishes.servers or host.servers
    if not wishes.servers and not shares_host:
        servers = tuple(server for server in servers if not _is_loopback(server)) or _DEFAULT_SERVERS
    return Resolver(servers, wishes.search or host.search, wishes.options or host.options)


def behind_own(found: Resolver) -> Resolver:
    """The resolv.conf of a container that has a name server of its own, which asks these servers in turn."""
    options = found.options
    if not any(option.startswith("ndots:") for option in options):
        options = (*options, "ndots:0")  # a neighbour's name has no dot, and is tried first all the same
    return Resolver((OWN_SERVER,), found.search, options)


def host_resolver() -> Resolver:
    """The host's own, looked up behind a stub that listens on a loopback address."""
    found = Resolver.parse(_read(_RESOLV_CONF))
    if found.servers and all(_is_loopback(server) for server in found.servers):
        behind = Resolver.parse(_read(_BEHIND_STUB))
        if behind.servers:
            return behind
    return found


def write(path: str, text: str) -> None:
    """Write one of the files, in place."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o644), "w", encoding="utf-8") as file:
        file.write(text)


def read_host_file(path: str) -> str:
    """A file of the host, which containers on the host's network get a copy of."""
    return _read(path)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20)
    except OSError:
        return ""


def _is_loopback(server: str) -> bool:
    try:
        return ipaddress.ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return True  # nobody can ask a server that has no address
