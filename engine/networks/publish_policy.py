"""Where ports may be published: the address where none was said, and the list outside of which nothing is. Pure.

--publish-loopback                a port that names no address is there for this host alone
--publish-allow [ADDRESS:]PORTS[/PROTOCOL]
                                  only these; ADDRESS an address or subnet, PORTS a number, a range or *; `none`
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.networks.request import PROTOCOLS, Wanted
from proto.errdefs import InvalidArgument, PermissionDenied

ANY_ADDRESS, ANY_ADDRESS6, LOOPBACK = "0.0.0.0", "::", "127.0.0.1"
_SPEC = re.compile(r"(?:(?P<address>\[[^\]]+\]|[0-9./]+):)?(?P<ports>\*|\d+(?:-\d+)?)(?:/(?P<protocol>\w+))?")
_EPHEMERAL = 32768, 60999
_TRIES = 64  # of ports that the kernel chooses


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of the list."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    first: int
    last: int
    protocol: str

    def covers(self, protocol: str, host_ip: str) -> bool:
        """Every address is more than one: `0.0.0.0` is covered only where no address is said, or 0.0.0.0/0 is."""
        if self.protocol not in ("", protocol):
            return False
        if self.network is None:
            return True
        address = ipaddress.ip_address(host_ip)
        if address.is_unspecified:
            return self.network.prefixlen == 0 and self.network.version == address.version
        return address in self.network


class PublishPolicy:
    """What one daemon was told."""

    def __init__(self, default: str = ANY_ADDRESS, *, loopback: bool = False, allow: Sequence[str] = ()) -> None:
        self._default = LOOPBACK if loopback else default
        self._allowed = [read(text) for text in allow if text != "none"] if allow else None

    def addresses(self, wish: Wanted, network_ip: str, *, ipv4: bool = True, ipv6: bool) -> tuple[str, ...]:
        """Where a port is published: as wished, or as its network says, or as the daemon does; both families' all."""
        chosen = wish.host_ip or network_ip or self._default
        if not wish.host_ip and chosen == ANY_ADDRESS:
            every = ((ANY_ADDRESS, ipv4), (ANY_ADDRESS6, ipv6))
            return tuple(address for address, there in every if there)
        return (chosen,)

    def numbers(self, wish: Wanted, host_ips: Sequence[str]) -> Iterator[int]:
        """The host's ports to try, 0 for one of the kernel's choice; raises PermissionDenied where none is allowed."""
        if self._allowed is None:
            return iter((0,) * _TRIES if wish.first == 0 else range(wish.first, wish.last + 1))
        first, last = (1, 65535) if wish.first == 0 else (wish.first, wish.last)
        spans = [
            (max(first, low), min(last, high))
            for low, high in self._spans(wish, host_ips)
            if max(first, low) <= min(last, high)
        ]
        if not spans:
            shown = "a port" if wish.first == 0 else f"port {wish.first}" if first == last else f"ports {first}-{last}"
            raise PermissionDenied(
                f"publishing {shown}/{wish.protocol} on {host_ips[0]} is not allowed by this daemon (--publish-allow)"
            )
        return (number for low, high in spans for number in range(low, high + 1))

    def _spans(self, wish: Wanted, host_ips: Sequence[str]) -> Iterator[tuple[int, int]]:
        for entry in self._allowed or ():
            if all(entry.covers(wish.protocol, one) for one in host_ips):
                everything = (entry.first, entry.last) == (1, 65535) and wish.first == 0
                yield _EPHEMERAL if everything else (entry.first, entry.last)


def read(text: str) -> Allowed:
    """One entry of --publish-allow."""
    match = _SPEC.fullmatch(text)
    refusal = InvalidArgument(f"invalid --publish-allow {text!r}: want [ADDRESS:]PORTS[/PROTOCOL], or none")
    if match is None or (match["protocol"] or "tcp") not in PROTOCOLS:
        raise refusal
    first, _, last = ("1-65535" if match["ports"] == "*" else match["ports"]).partition("-")
    span = int(first), int(last or first)
    try:
        network = ipaddress.ip_network(match["address"].strip("[]")) if match["address"] else None
    except ValueError:
        raise refusal from None
    if not 0 < span[0] <= span[1] <= 65535:
        raise refusal
    return Allowed(network, *span, match["protocol"] or "")


def check(texts: Iterable[str]) -> None:
    """Refuse a list that cannot be read."""
    for text in texts:
        if text != "none":
            read(text)
