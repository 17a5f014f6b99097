"""Port 53 leads to whatever ports the sockets have (the sockets themselves: integration/engine/networks)."""

import socket

from engine.networks import nftables as nft
from engine.networks.dns_sockets import DnsSockets, rules


def test_each_protocol_leads_to_its_socket() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as streams:
        for one in (datagrams, streams):
            one.bind(("127.0.0.1", 0))
        by_datagram, by_stream = rules(DnsSockets(datagrams, streams))
        own = bytes([127, 0, 0, 11])
        assert by_datagram.expressions[-3:] == nft.dnat(own, datagrams.getsockname()[1])
        assert by_stream.expressions[-3:] == nft.dnat(own, streams.getsockname()[1])
        assert nft.protocol(17)[1] in by_datagram.expressions
        assert nft.protocol(6)[1] in by_stream.expressions


def test_closing_closes_both() -> None:
    made = DnsSockets(socket.socket(), socket.socket())
    made.close()
    assert made.datagrams.fileno() == made.streams.fileno() == -1
