"""Networks on a link of the host, without a bridge: macvlan and ipvlan. Their options, and the link of one container.

Nothing is published, translated or filtered there: containers are hosts of the LAN of their own. A kernel without the
driver is found out when the network is made, not when the first container starts.
"""

import errno
import os
import secrets
from collections.abc import Mapping
from typing import Any

from engine.networks import links
from engine.networks.links import Links
from engine.networks.model import IPVLAN, MACVLAN, Network
from engine.networks.netlink import Message
from proto.errdefs import InvalidArgument, Unimplemented

_MODES = {
    MACVLAN: {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8},
    IPVLAN: {"l2": 0, "l3": 1, "l3s": 2},
}
_DEFAULTS = {MACVLAN: "bridge", IPVLAN: "l2"}


def read(driver: str, options: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a network that its options make; any other is refused by name."""
    mode_option = f"{driver}_mode"
    for name in options:
        if name not in ("parent", mode_option):
            raise Unimplemented(f"network option {name} is not supported by the {driver} driver")
    parent, mode = options.get("parent", ""), options.get(mode_option) or _DEFAULTS[driver]
    if not parent:
        raise Unimplemented(f"a {driver} network without a link of the host (-o parent=LINK) is not supported")
    if parent == "lo":
        raise InvalidArgument(f"loopback interface is not a valid {driver} parent link")
    if mode not in _MODES[driver]:
        raise InvalidArgument(
            f"requested {driver} mode '{mode}' is not valid, '{_DEFAULTS[driver]}' mode is the default"
        )
    return {"parent": parent, "parent_mode": mode}


def message(network: Network, parent: int, interface: str, mac: bytes, namespace_fd: int) -> Message:
    """A container's link; an ipvlan has the hardware address of its parent."""
    mode = _MODES[network.driver][network.parent_mode]
    own = mac if network.driver == MACVLAN else None
    return links.on_parent(network.driver, parent, mode, interface, own, namespace_fd)


def probe(host: Links, network: Network, parent: int) -> None:
    """Make such a link and take it away; raises Unimplemented where the kernel has none."""
    name = f"probe{secrets.token_hex(4)}"
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        host.apply(message(network, parent, name, b"\x02\x42" + secrets.token_bytes(4), here))
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.ENODEV):
            raise Unimplemented(f"network driver {network.driver} is not in this kernel") from error
        raise InvalidArgument(f"{network.driver} on {network.parent}: {error.strerror}") from error
    finally:
        os.close(here)
    made = host.find(name)
    if made is not None:
        host.apply(links.delete(made.index))
