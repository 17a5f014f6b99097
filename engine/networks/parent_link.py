"""Networks on a link of the host, without a bridge, macvlan and ipvlan: options, their parent, a container's link.

Nothing is published, translated or filtered there: containers are hosts of the LAN of their own. A kernel without the
driver is found out when the network is made, not when the first container starts.

    parent=eth0        a link of the host, which must be there
    parent=eth0.10     VLAN 10 of eth0; made where it is not there, and removed with the last network that has it
    none               a dummy (dm-… or di-… and twelve of the network's id): containers meet each other and nobody else
"""

import errno
import os
import secrets
from collections.abc import Collection, Mapping
from typing import Any

from engine.networks import links
from engine.networks.links import Links
from engine.networks.model import IPVLAN, MACVLAN, Network, dummy_name
from engine.networks.netlink import Message
from proto.errdefs import InvalidArgument, NotFound, PermissionDenied, Unimplemented

_MODES = {
    MACVLAN: {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8},
    IPVLAN: {"l2": 0, "l3": 1, "l3s": 2},
}
_DEFAULTS = {MACVLAN: "bridge", IPVLAN: "l2"}
_FLAGS = {"bridge": 0, "private": 1, "vepa": 2}
_LAST_VLAN = 4094


def read(driver: str, options: Mapping[str, str], network_id: str) -> dict[str, Any]:
    """The fields of a network that its options make; any other is refused by name."""
    mode_option, flag_option = f"{driver}_mode", "ipvlan_flag"
    for name in options:
        if name not in ("parent", mode_option, *((flag_option,) if driver == IPVLAN else ())):
            raise Unimplemented(f"network option {name} is not supported by the {driver} driver")
    parent, mode = options.get("parent", ""), options.get(mode_option) or _DEFAULTS[driver]
    if mode not in _MODES[driver]:
        shown = (
            "'bridge' mode is the macvlan driver default"
            if driver == MACVLAN
            else "'l2' mode is the ipvlan driver default"
        )
        raise InvalidArgument(f"requested {driver} mode '{mode}' is not valid, {shown}")
    flag = options.get(flag_option) or "bridge"
    if flag not in _FLAGS:
        raise InvalidArgument(f"requested ipvlan flag '{flag}' is not valid, 'bridge' is the ipvlan driver default")
    if parent == "lo":
        raise InvalidArgument(f"loopback interface is not a valid {driver} parent link")
    own_flag = flag if driver == IPVLAN else ""
    return {"parent": parent or dummy_name(driver, network_id), "parent_mode": mode, "parent_flag": own_flag}


def check_neighbours(network: Network, others: Collection[Network]) -> None:
    """Which networks may have one parent: several macvlans, unless one is passed through."""
    for one in others:
        if one.parent != network.parent:
            continue
        if network.driver != MACVLAN or one.driver != MACVLAN:
            raise PermissionDenied(
                f"network {dummy_name(one.driver, one.id)} is already using parent interface {network.parent}"
            )
        if network.parent_mode == "passthru":
            raise PermissionDenied(
                f"cannot use mode passthru, macvlan network {one.id} is already using parent interface {network.parent}"
            )
        if one.parent_mode == "passthru":
            raise PermissionDenied(
                f"macvlan network {one.id} is already using parent interface {network.parent} in mode passthru"
            )


class Parents:
    """The links of the host that such networks are on."""

    def __init__(self, host: Links) -> None:
        self._host = host

    def ensure(self, network: Network) -> int:
        """The parent's index; one that we are to make is made where it is not there."""
        found = self._host.find(network.parent)
        if found is None and network.parent == dummy_name(network.driver, network.id):
            self._make_dummy(network.parent)
        elif found is None:
            self._make_vlan(network)
        found = found or self._host.find(network.parent)
        if found is None:
            raise NotFound(f"network {network.name}: parent {network.parent} is not a link of this host")
        return found.index

    def remove(self, network: Network) -> None:
        """Take a parent away that was made for a network; any other link stays."""
        found = self._host.find(network.parent) if network.parent_made else None
        if found is not None and found.kind in ("dummy", "veth", "vlan"):
            self._host.apply(links.delete(found.index))

    def probe(self, network: Network, parent: int) -> None:
        """Make a container's link and take it away; raises Unimplemented where the kernel has none."""
        name = f"probe{secrets.token_hex(4)}"
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._host.apply(message(network, parent, name, b"\x02\x42" + secrets.token_bytes(4), here))
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.ENODEV):
                raise Unimplemented(f"network driver {network.driver} is not in this kernel") from error
            raise InvalidArgument(f"failed to create the {network.driver} port: {error.strerror}") from error
        finally:
            os.close(here)
        made = self._host.find(name)
        if made is not None:
            self._host.apply(links.delete(made.index))

    def _make_dummy(self, name: str) -> None:
        try:
            self._host.apply(links.dummy(name))
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            self._host.apply(links.stub(name, f"p{name[1:]}"))
            far = self._host.find(f"p{name[1:]}")
            if far is not None:
                self._host.apply(links.up(far.index))

    def _make_vlan(self, network: Network) -> None:
        name = network.parent
        if "." not in name:
            raise InvalidArgument(f"invalid subinterface vlan name {name}, example formatting is eth0.10")
        base, number = _vlan(name)
        found = self._host.find(base)
        if found is None:
            raise InvalidArgument(f"-o parent interface was not found on the host: {base}")
        if not 1 <= number <= _LAST_VLAN:
            raise InvalidArgument(f"vlan id must be between 1-{_LAST_VLAN}, received: {number}")
        try:
            self._host.apply(links.vlan(name, found.index, number))
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                raise Unimplemented(
                    f"failed to create {name} vlan link: VLANs (8021q) are not in this kernel"
                ) from error
            raise InvalidArgument(f"failed to create {name} vlan link: {error.strerror}") from error


def _vlan(name: str) -> tuple[str, int]:
    base, _, text = name.partition(".")
    if "." in text:
        raise InvalidArgument(
            f"required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received {name}"
        )
    if not (text.isascii() and text.isdigit()):
        raise InvalidArgument(f"unable to parse a valid vlan id from: {text} (ex. eth0.10 for vlan 10)")
    return base, int(text)


def message(network: Network, parent: int, interface: str, mac: bytes, namespace_fd: int) -> Message:
    """A container's link; an ipvlan has the hardware address of its parent."""
    mode = _MODES[network.driver][network.parent_mode]
    if network.driver == MACVLAN:
        return links.on_parent(MACVLAN, parent, links.macvlan_options(mode), interface, mac, namespace_fd)
    options = links.ipvlan_options(mode, _FLAGS[network.parent_flag or "bridge"])
    return links.on_parent(IPVLAN, parent, options, interface, None, namespace_fd)
