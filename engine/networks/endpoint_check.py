"""What a container asks of one network, checked in dockerd's words before anything of it is made. Pure.

All that is wrong is said at once. The network may not be there yet: then only what is wrong with any is found.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.networks.model import Address, Address6, Network
from proto.errdefs import InvalidArgument

Json = Mapping[str, Any]

SYSCTLS = "com.docker.network.endpoint.sysctls"
_SYSCTL = re.compile(r"net\.(ipv4|ipv6|mpls)\.[a-z0-9_]+\.(IFNAME|ifname)\.[a-z0-9_]+=[^\n]*")  # the CLI lowers letters
_NOT_USERS = ("bridge", "default", "host", "none")


def check(network: Network | None, name: str, entry: Json) -> None:
    """Refuse endpoint settings that no endpoint could have."""
    wrong = list(_problems(network, name, entry))
    if wrong:
        shown = wrong if len(wrong) == 1 else [f"* {one}" for one in wrong]
        raise InvalidArgument("\n".join(["invalid endpoint settings:", *shown]))


def address_problem(network: Network, address: Address | Address6) -> str:
    """Why a container may not have an address of its own choice there."""
    given = network.ipam_given if address.version == 4 else network.ipam_given6
    if not given and not (network.is_predefined and network.pools(address.version)):
        return "user specified IP address is supported only when connecting to networks with user configured subnets"
    if network.pool_of(address) is None:
        return f"no configured subnet or ip-range contain the IP address {address}"
    return ""


def sysctls(options: Json) -> tuple[str, ...]:
    """The sysctls of an endpoint's options, one by one."""
    return tuple(filter(None, str(options.get(SYSCTLS) or "").split(",")))


def sysctl_problem(sysctl: str) -> str:
    if _SYSCTL.fullmatch(sysctl):
        return ""
    return (
        f"unrecognised network interface sysctl '{sysctl}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', "
        "'X' must be 'ipv4', 'ipv6' or 'mpls'"
    )


def read_address(text: str, version: int) -> Address | Address6 | None:
    """An address that may be a container's, or None."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if found.version != version or found.is_unspecified or "%" in text else found


def _problems(network: Network | None, name: str, entry: Json) -> Iterator[str]:
    ipam = entry.get("IPAMConfig") or {}
    texts = {4: str(ipam.get("IPv4Address") or ""), 6: str(ipam.get("IPv6Address") or "")}
    if name in _NOT_USERS:
        if any(texts.values()):
            yield "user specified IP address is supported on user defined networks only"
        if entry.get("Aliases"):
            yield "network-scoped alias is supported only for containers in user defined networks"
    addresses = {version: read_address(text, version) for version, text in texts.items()}
    for version, text in texts.items():
        if text and addresses[version] is None:
            yield f"invalid IPv{version} address: {text}"
    for text in ipam.get("LinkLocalIPs") or ():
        if read_address(str(text), 4) is None and read_address(str(text), 6) is None:
            yield f"invalid link-local IP address: {text}"
    for address in addresses.values():
        problem = address_problem(network, address) if network is not None and address is not None else ""
        if problem:
            yield problem
    yield from filter(None, map(sysctl_problem, sysctls(entry.get("DriverOpts") or {})))
