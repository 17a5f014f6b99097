"""Frames and packets of an attacker's own making, sent from a namespace of the laboratory."""

import socket
import struct
import time

from engine.networks.links import Links
from tests.network_lab import ADDRESSES, BRIDGE_MAC, UPLINK_MAC, Lab


def advertise_router(interface: str) -> None:
    """A router advertisement with a prefix to make addresses of."""
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 86400, 0) + socket.inet_pton(
        socket.AF_INET6, "2001:db8:bad::"
    )
    message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sending:
        sending.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sending.sendto(message, ("ff02::1", 0, 0, socket.if_nametoindex(interface)))


def answered(lab: Lab, name: str, address: str, port: int, patience: float = 0.4) -> bool:
    """Send SYNs in frames of our own making to the engine's host; whether a SYN-ACK for one comes."""

    interface, host = ("eth0", BRIDGE_MAC) if name in ADDRESSES else ("up0", UPLINK_MAC)

    def probe() -> bool:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as wire:
            wire.bind((interface, 0x0800))
            wire.settimeout(0.2)
            own, source = wire.getsockname()[4], own_address(interface)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                wire.send(host + own + b"\x08\x00" + syn(source, address, port))
                if is_accepted(wire, port):
                    return True
            return False

    return lab.inside(name, probe)


def is_accepted(wire: socket.socket, port: int) -> bool:
    """Whether the next frames have an acceptance of our connection among them."""
    for _ in range(100):
        try:
            frame = wire.recv(2048)
        except TimeoutError:
            return False
        if frame[23] == socket.IPPROTO_TCP and frame[34:38] == struct.pack("!HH", port, 4321) and frame[47] == 0x12:
            return True
    return False


def own_address(interface: str) -> str:
    inner = Links()
    link = inner.find(interface)
    assert link is not None
    found = str(inner.addresses(link.index)[0].ip)
    inner.close()
    return found


def syn(source: str, destination: str, port: int) -> bytes:
    """An IPv4 packet with a TCP SYN from port 4321."""
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    segment = struct.pack("!HHIIBBHHH", 4321, port, 1, 0, 0x50, 0x02, 1024, 0, 0)
    total = checksum(ends + struct.pack("!HH", socket.IPPROTO_TCP, len(segment)) + segment)
    segment = segment[:16] + struct.pack("!H", total) + segment[18:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, socket.IPPROTO_TCP, 0) + ends
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + segment


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
