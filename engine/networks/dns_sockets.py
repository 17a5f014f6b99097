"""The sockets of a container's name server, made inside its namespace, and the rules that lead port 53 to them.

    127.0.0.11:53 ── nft, table ip wherry_dns ──▶ 127.0.0.11:<any port>

Any port, so that a program in the container may have port 53 for itself. A kernel without nftables (--iptables=false
goes with that) leads nothing anywhere: there the sockets have port 53 themselves.
"""

import ipaddress
import socket
from dataclasses import dataclass

from engine.networks import nftables as nft
from engine.networks.hosts_files import OWN_SERVER as ADDRESS
from engine.networks.nftables import Chain, Nftables, Rule
from engine.networks.ruleset import PROTOCOLS

_TABLE = "wherry_dns"
_PORT = 53
_BACKLOG = 64
_ALL_BITS = b"\xff" * 4


@dataclass(frozen=True, slots=True)
class DnsSockets:
    """Both ways to ask."""

    datagrams: socket.socket
    streams: socket.socket

    def close(self) -> None:
        self.datagrams.close()
        self.streams.close()


def listen(*, afresh: bool = False) -> DnsSockets:
    """Open the sockets in the namespace that the calling thread is in; `afresh`: nobody has before."""
    made = _bound(0)
    try:
        filters = Nftables()
        try:
            write = nft.create_table if afresh else nft.replace_table
            filters.apply(write(_TABLE, [Chain("output", "nat", "output", -100)], rules(made)))
        finally:
            filters.close()
    except BaseException as error:
        made.close()
        if isinstance(error, OSError) and error.errno in nft.ABSENT:
            return _bound(_PORT)
        raise
    return made


def _bound(port: int) -> DnsSockets:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    streams = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    made = DnsSockets(datagrams, streams)
    try:
        streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        datagrams.bind((ADDRESS, port))
        streams.bind((ADDRESS, port))
        streams.listen(_BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def rules(sockets: DnsSockets) -> list[Rule]:
    """Port 53 of the address leads to the sockets."""
    own = ipaddress.IPv4Address(ADDRESS).packed
    found = []
    for protocol, one in (("udp", sockets.datagrams), ("tcp", sockets.streams)):
        match = (
            *nft.destination(own, _ALL_BITS),
            *nft.protocol(PROTOCOLS[protocol]),
            *nft.destination_port(_PORT),
        )
        found.append(Rule("output", (*match, *nft.dnat(own, int(one.getsockname()[1])))))
    return found
