"""What a request to make a network says in words: drivers, options of a bridge, the daemon's own settings. Pure.

Any option that is not known here is refused by its name.
"""

import re
from collections.abc import Mapping
from typing import Any

from engine.networks.ipam import Address, Subnet
from engine.networks.links import Interface4
from engine.networks.model import BRIDGE, HOST, NULL, ON_PARENT
from proto.errdefs import InvalidArgument, NotFound, PermissionDenied, Unimplemented

Json = Mapping[str, Any]

BRIDGE_OPTION = "com.docker.network.bridge."
MTU = "com.docker.network.driver.mtu"
PIN = "wherry.network.bridge.pin_addresses"
PREFIX = "com.docker.network.container_iface_prefix"
_ENABLE = {4: "com.docker.network.enable_ipv4", 6: "com.docker.network.enable_ipv6"}
_KNOWN = {
    *(
        f"{BRIDGE_OPTION}{name}"
        for name in (
            *("name", "enable_icc", "enable_ip_masquerade", "default_bridge", "host_binding_ipv4"),
            *("gateway_mode_ipv4", "gateway_mode_ipv6"),
        )
    ),
    *(MTU, PREFIX, PIN),
}
_MODES = ("nat", "routed", "isolated", "nat-unprotected")


def check_known(options: Mapping[str, str]) -> None:
    """Refuse what a bridge has no such option for."""
    for option in options:
        if option not in _KNOWN:
            raise Unimplemented(f"network option {option} is not supported")


def refuse(body: Json) -> None:
    """What user-defined networks cannot be here, each by its name."""
    driver = body.get("Driver") or BRIDGE
    if body.get("ConfigOnly"):
        return  # such a network has no driver
    if driver in (HOST, NULL):
        raise PermissionDenied(f'only one instance of "{driver}" network is allowed')
    if driver == "overlay":
        raise Unimplemented("network driver overlay is not supported")
    if driver != BRIDGE and driver not in ON_PARENT:
        raise NotFound(f'plugin "{driver}" not found')
    if body.get("Ingress"):
        raise PermissionDenied("Ingress network can only be global scope network")
    if body.get("Scope") in ("swarm", "global"):
        raise PermissionDenied("cannot create a swarm scoped network when swarm is not active")
    if body.get("Scope") not in (None, "", "local"):
        raise Unimplemented(f"network scope {body['Scope']} is not supported")


def router(text: str, subnet: Subnet) -> str:
    """--default-gateway."""
    if not text:
        return ""
    try:
        router = Address(text)
    except ValueError as error:
        raise InvalidArgument(f"invalid default gateway (--default-gateway) {text}: {error}") from error
    if router not in subnet:
        raise InvalidArgument(
            f"default gateway (--default-gateway) {text} is not in the default bridge's subnet {subnet}"
        )
    return text


def interface(text: str) -> Interface4:
    try:
        interface = Interface4(text)
    except ValueError as error:
        raise InvalidArgument(f"invalid bridge address (--bip) {text}: {error}") from error
    if "/" not in text or interface.ip == interface.network.network_address:
        raise InvalidArgument(f"invalid bridge address (--bip) {text}: an address with its prefix length is needed")
    return interface


def binding(text: str) -> str:
    try:
        return str(Address(text)) if text else ""
    except ValueError:
        raise InvalidArgument(f"failed to parse {BRIDGE_OPTION}host_binding_ipv4 value: {text!r}") from None


def prefix(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_-]{0,10}", text):
        raise InvalidArgument(f"failed to parse {PREFIX} value: {text!r}")
    return text


def gateway_modes(options: Mapping[str, str], *, internal: bool) -> dict[int, str]:
    """How containers are reached, by version of IP."""
    found = {}
    for version in (4, 6):
        name = f"{BRIDGE_OPTION}gateway_mode_ipv{version}"
        mode = options.get(name) or "nat"
        if mode not in _MODES:
            raise InvalidArgument(f"failed to parse {name} value: {mode} (unknown gateway mode {mode})")
        if mode == "isolated" and not internal:
            raise InvalidArgument("gateway mode 'isolated' can only be used for an internal network")
        found[version] = mode
    return found


def versions(body: Json, options: dict[str, str]) -> list[int]:
    """Which versions of IP a network has; takes what the options say of it out of them."""
    found = []
    for version, usual in ((4, True), (6, False)):
        said, option = body.get(f"EnableIPv{version}"), options.pop(_ENABLE[version], None)
        if said is None and option is not None:
            if option.lower() not in ("true", "false", "1", "0"):
                raise InvalidArgument(f'driver-opt "{_ENABLE[version]}" is not a valid bool')
            said = option.lower() in ("true", "1")
        if usual if said is None else said:
            found.append(version)
    if not found:
        raise InvalidArgument("IPv4 or IPv6 must be enabled")
    return found


def flag(options: Mapping[str, str], name: str) -> bool:
    text = options.get(name, "true").lower()
    if text not in ("true", "false", "1", "0"):
        raise InvalidArgument(
            f'failed to parse {name} value: {text} (strconv.ParseBool: parsing "{text}": invalid syntax)'
        )
    return text in ("true", "1")


def number(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name, str(default))
    if not text.isdecimal() or not 68 <= int(text) <= 65535:
        raise InvalidArgument(f'failed to parse {name} value: {text} (strconv.Atoi: parsing "{text}": invalid syntax)')
    return int(text)
