"""What a request to make a network says of its addresses (IPAM.Config), checked in dockerd's words. Pure.

All that is wrong with a request is said at once, a line each.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.networks.model import Subnet, Subnet6
from proto.errdefs import InvalidArgument, NotFound

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One subnet that was asked for."""

    subnet: Subnet | Subnet6
    within: str = ""  # IPRange
    gateway: str = ""
    reserved: dict[str, str] = field(default_factory=dict)  # AuxiliaryAddresses


def read(document: Json) -> list[Entry]:
    """The entries of an IPAM document; raises InvalidArgument, or what fits where it is of another driver.

    `Options` are for drivers that have some. Docker's default one has none: it takes any and shows them again.
    """
    driver = document.get("Driver")
    if driver == "null":
        raise InvalidArgument("ipv4 pool is empty")
    if driver not in (None, "", "default"):
        raise NotFound(f'plugin "{driver}" not found')
    entries = [entry for entry in document.get("Config") or [] if any(entry.values())]
    wrong = [one for entry in entries for one in _wrong(entry)]
    if wrong:
        raise InvalidArgument("\n".join(["invalid network config:", *wrong]))
    return [_entry(entry) for entry in entries]


def subnet(text: str, what: str = "subnet") -> Subnet | Subnet6:
    """A subnet, written with its network address."""
    wrong = _wrong_block(text, what)
    if wrong:
        raise InvalidArgument(f"invalid network config:\n{wrong}")
    return ipaddress.ip_network(text)


def _entry(entry: Json) -> Entry:
    reserved = {str(name): _plain(text) for name, text in (entry.get("AuxiliaryAddresses") or {}).items()}
    within = str(ipaddress.ip_network(entry["IPRange"])) if entry.get("IPRange") else ""
    gateway = _plain(entry["Gateway"]) if entry.get("Gateway") else ""
    return Entry(ipaddress.ip_network(entry["Subnet"]), within, gateway, reserved)


def _plain(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _wrong(entry: Json) -> Iterator[str]:
    text = str(entry.get("Subnet") or "")
    wrong = _wrong_block(text, "subnet")
    if wrong:
        yield wrong
    try:
        own = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return
    if entry.get("IPRange"):
        yield from _wrong_range(str(entry["IPRange"]), own)
    addresses = [("gateway {text}", entry.get("Gateway") or "")]
    addresses += [(f"auxiliary address {name}", one) for name, one in (entry.get("AuxiliaryAddresses") or {}).items()]
    for called, address in addresses:
        reason = _wrong_address(str(address), own) if address else ""
        if reason:
            yield f"invalid {called.format(text=address)}: {reason}"


def _wrong_block(text: str, what: str) -> str:
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        found = None
    if found is None or "/" not in text:
        return f"invalid {what} {text}: invalid CIDR block notation"
    return "" if _same(text, found) else f"invalid {what} {text}: it should be {found}"


def _same(text: str, found: Subnet | Subnet6) -> bool:
    """Whether a block is written with its network address, be it in another spelling."""
    return ipaddress.ip_interface(text).ip == found.network_address


def _wrong_range(text: str, own: Subnet | Subnet6) -> Iterable[str]:
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return [f"invalid ip-range {text}: invalid CIDR block notation"]
    if found.version != own.version:
        return [f"invalid ip-range {text}: parent subnet is an IPv{own.version} block"]
    wrong = []
    if found.prefixlen < own.prefixlen:
        wrong.append(f"invalid ip-range {text}: CIDR block is bigger than its parent subnet {own}")
    if not _same(text, found):
        wrong.append(f"invalid ip-range {text}: it should be {found}")
    if not found.overlaps(own):
        wrong.append(f"invalid ip-range {text}: parent subnet {own} doesn't contain ip-range")
    return wrong


def _wrong_address(text: str, own: Subnet | Subnet6) -> str:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return "invalid address"
    if found.version != own.version:
        return f"parent subnet is an IPv{own.version} block"
    return "" if found in own else f"parent subnet {own} doesn't contain this address"
