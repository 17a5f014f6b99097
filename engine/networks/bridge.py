"""The bridges that stand behind networks, and what the packet filter and the kernel's switches must say for them.

Everything here is made to be what it should be, whatever it was: calling it again after a crash repairs.
"""

import contextlib
import ipaddress
from collections.abc import Iterator

from engine.networks import links, pinning
from engine.networks.firewall import Firewall
from engine.networks.links import Interface4, Links
from engine.networks.model import ON_PARENT, Endpoint, Network
from engine.networks.nftables import FAMILY_IPV4, FAMILY_IPV6
from engine.networks.parent_link import Parents
from engine.networks.ruleset import Plan, Published
from proto.errdefs import Conflict, Internal

_LONGEST_LINK = 15


class Bridges:
    """The bridges of the host's namespace."""

    def __init__(self, rtnetlink: Links, firewall: Firewall | None, *, forward: bool = True) -> None:
        self._links = rtnetlink
        self._firewall = firewall
        self._forward = forward
        self.parents = Parents(rtnetlink)

    def ensure(self, network: Network, endpoints: list[Endpoint]) -> int:
        """Make the bridge as the network says; answers its index, or that of the parent where there is no bridge."""
        if network.driver in ON_PARENT:
            return self.parents.ensure(network)
        index = self._link(network)
        self._address4(network, index)
        _switch(f"ipv6/conf/{network.link}/accept_ra", "0")  # CVE-2020-13401
        _switch(
            f"ipv6/conf/{network.link}/accept_dad", "0"
        )  # until its address is sure, the kernel asks for no neighbour
        _switch(f"ipv6/conf/{network.link}/disable_ipv6", "0" if network.subnet6 else "1")
        self._address6(network, index)
        self._links.apply(links.up(index))
        self.set_rules(network, endpoints)
        for subnet, family in ((network.subnet, FAMILY_IPV4), (network.subnet6, FAMILY_IPV6)):
            if self._firewall is not None and not subnet:
                self._firewall.remove(network.link, family)
        if self._forward and not network.internal:
            if network.subnet:
                _switch("ipv4/ip_forward", "1")
            if network.subnet6:
                _switch("ipv6/conf/all/forwarding", "1")
        return index

    def index(self, network: Network) -> int | None:
        """The bridge's index, if it is there and up."""
        if network.driver in ON_PARENT:
            return self.parents.ensure(network)
        found = self._links.find(network.link)
        return found.index if found is not None and found.kind == "bridge" else None

    def is_sound(self, network: Network, index: int) -> bool:
        """Whether a bridge is up and has its addresses."""
        found = self._links.find(network.link)
        if found is None or not found.up:
            return False
        addresses = {str(one) for one in (*self._links.addresses(index), *self._links.addresses6(index))}
        pools = ((network.gateway, network.pool), (network.gateway6, network.pool6))
        return all(f"{gateway}/{pool.prefixlen}" in addresses for gateway, pool in pools if gateway and pool)

    def set_rules(self, network: Network, endpoints: list[Endpoint]) -> None:
        """Let the packet filter know the network and its published ports."""
        if self._firewall is None or network.driver in ON_PARENT:
            return
        if network.pinned:
            self._firewall.pin(network.link, pinning.CHAINS, pinning.rules(network, endpoints))
        published = [one for endpoint in endpoints for one in _published(endpoint)]
        for pool in (network.pool, network.pool6):
            if pool is None:
                continue
            ports = tuple(one for one in published if one.address.version == pool.version)
            if pool.version == 4:
                # connections from 127.0.0.1 to a container keep their source until they leave by the bridge
                _switch(f"ipv4/conf/{network.link}/route_localnet", "1" if ports else "0")
            self._firewall.apply(
                Plan(
                    network.link,
                    pool,
                    masquerade=network.masquerade,
                    internal=network.internal,
                    icc=not network.isolated,
                    published=ports,
                    routed=pool.version in network.routed,
                    unprotected=pool.version in network.unprotected,
                )
            )

    def is_there(self, name: str) -> bool:
        """Whether the host has a link of that name."""
        return self._links.find(name) is not None

    def remove(self, network: Network) -> None:
        """Take the bridge and its rules away; a bridge that was there before its network stays."""
        if network.driver in ON_PARENT:
            self.parents.remove(network)
            return
        if self._firewall is not None:
            self._firewall.remove(network.link)
        found = self._links.find(network.link)
        if found is not None and found.kind == "bridge" and not network.link_found:
            self._links.apply(links.delete(found.index))

    def _address4(self, network: Network, index: int) -> None:
        if network.pool is None or not network.gateway:
            return
        wanted = Interface4(f"{network.gateway}/{network.pool.prefixlen}")
        if wanted not in self._links.addresses(index):
            if self._links.has_address_in(wanted.network):
                raise Conflict(f"bridge {network.link}: {wanted} overlaps with an address of this host")
            self._links.apply(links.address(index, wanted))

    def _address6(self, network: Network, index: int) -> None:
        if network.pool6 is None or not network.gateway6:
            return
        wanted = ipaddress.IPv6Interface(f"{network.gateway6}/{network.pool6.prefixlen}")
        if wanted not in self._links.addresses6(index):
            # a link-local subnet is each link's own: every link that is up has an address in it
            if not wanted.is_link_local and self._links.has_address_in(wanted.network):
                raise Conflict(f"bridge {network.link}: {wanted} overlaps with an address of this host")
            self._links.apply(links.address(index, wanted))

    def _link(self, network: Network) -> int:
        found = self._links.find(network.link)
        if found is None:
            four = ipaddress.IPv4Address(network.gateway).packed if network.gateway else bytes.fromhex(network.id[:8])
            self._links.apply(links.bridge(network.link, network.mtu, b"\x02\x42" + four))
            found = self._links.find(network.link)
        if found is None:
            raise Internal(f"bridge {network.link} went away while it was being made")
        if found.kind != "bridge":
            raise Conflict(f"device {network.link} exists and is not a bridge")
        return found.index


def _published(endpoint: Endpoint) -> Iterator[Published]:
    """The ports of an endpoint, each leading to the address of its host address's family."""
    by_version = {address.version: address for address in endpoint.addresses}
    for port in endpoint.ports:
        host_address = ipaddress.ip_address(port.host_ip)
        if host_address.version in by_version:
            yield Published(port.protocol, host_address, port.host_port, by_version[host_address.version], port.port)


def check_link_name(name: str) -> str:
    """A bridge's name: what the kernel takes for a link."""
    if not name or len(name) > _LONGEST_LINK or name in (".", "..") or any(c.isspace() or c in "/:" for c in name):
        raise Conflict(f"invalid bridge name {name!r}: at most {_LONGEST_LINK} characters, no space, no '/', no ':'")
    return name


def _switch(name: str, value: str) -> None:
    """Set a net sysctl, if it is not so already; a kernel without it (no IPv6) needs nothing switched."""
    with contextlib.suppress(FileNotFoundError), open(f"/proc/sys/net/{name}", "r+") as file:
        if file.read().strip() != value:
            file.seek(0)
            file.write(value)
