"""Which subnet a network gets, and which address in it a container: pure.

The lowest free address is taken, as users know it from Docker: the first container on the default bridge is .2. An
address whose veth the kernel has not yet taken down is not free.
"""

import hashlib
import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from proto.errdefs import InvalidArgument, ResourceExhausted

Address = ipaddress.IPv4Address
Address6 = ipaddress.IPv6Address
Subnet = ipaddress.IPv4Network
Subnet6 = ipaddress.IPv6Network

DEFAULT_POOLS: Sequence[Mapping[str, Any]] = (  # the default bridge's as Docker's is; then thousands of /24
    {"base": "172.17.0.0/16", "size": 16},
    {"base": "172.18.0.0/15", "size": 24},
    {"base": "172.20.0.0/14", "size": 24},
    {"base": "172.24.0.0/13", "size": 24},
    {"base": "192.168.0.0/16", "size": 24},
)
NO_POOL = (
    "could not find an available, non-overlapping IPv{version} address pool among the defaults to assign to the network"
)


def choose_subnet(
    pools: Iterable[Mapping[str, Any]], taken: Collection[Subnet | Subnet6], version: int = 4
) -> Subnet | Subnet6:
    """The first subnet of the pools that overlaps nothing."""
    own = [one for one in taken if one.version == version]
    for pool in pools:
        base = ipaddress.ip_network(pool["base"])
        found = _first_gap(base, int(pool["size"]), own) if base.version == version else None
        if found is not None:
            return Subnet(found) if version == 4 else Subnet6(found)
    raise ResourceExhausted(NO_POOL.format(version=version))


def _first_gap(base: Subnet | Subnet6, length: int, taken: Iterable[Subnet | Subnet6]) -> tuple[int, int] | None:
    """The first aligned piece of a pool between what is taken; in one walk, as there may be hundreds."""
    length = max(length, base.prefixlen)
    size = 1 << (base.max_prefixlen - length)
    place, end = int(base.network_address), int(base.broadcast_address) + 1
    for first, width in sorted((int(one.network_address), base.max_prefixlen - one.prefixlen) for one in taken):
        last = first + (1 << width) - 1
        if last < place:
            continue
        if first >= place + size:
            break
        place = (last // size + 1) * size
    return (place, length) if place + size <= end else None


def unique_local(seed: str) -> Mapping[str, Any]:
    """A pool of /64s that is this engine's alone (RFC 4193): its 40 bits are the first of a random number in hex."""
    base = ipaddress.IPv6Network((bytes.fromhex("fd" + seed[:10]).ljust(16, b"\0"), 48))
    return {"base": str(base), "size": 64}


def first_free(
    subnet: Subnet | Subnet6, within: Subnet | Subnet6, used: Collection[Address | Address6]
) -> Address | Address6 | None:
    """The lowest address of a range that nobody has; the network's own is nobody's, nor is its broadcast."""
    edges: set[Address | Address6] = {subnet.network_address}
    if subnet.version == 4:
        edges = {subnet.network_address, subnet.broadcast_address} if subnet.prefixlen < 31 else set()
    return next((address for address in within if address not in used and address not in edges), None)


def gateway_of(subnet: Subnet | Subnet6, within: Subnet | Subnet6 | None = None) -> Address | Address6:
    """The gateway where none was asked for: the first address."""
    found = first_free(subnet, within or subnet, ())
    if found is None:
        raise ResourceExhausted(f"no available addresses in {subnet}")
    return found


def hardware_address(address: Address | Address6) -> str:
    """The hardware address that Docker derives from an IPv4 address; an IPv6 one is hashed to four bytes."""
    four = address.packed if isinstance(address, Address) else hashlib.sha256(address.packed).digest()[:4]
    return ":".join(f"{octet:02x}" for octet in b"\x02\x42" + four)


def parse_hardware_address(text: str) -> bytes:
    """Read `02:42:ac:11:00:02`, also with dashes."""
    try:
        packed = bytes.fromhex(text.replace("-", ":").replace(":", ""))
    except ValueError:
        packed = b""
    if len(packed) != 6 or len(text) != 17:
        raise InvalidArgument(f"invalid MAC address {text}")
    return packed
