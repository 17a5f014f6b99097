"""The bridges that stand behind networks, and what the packet filter and the kernel's switches must say for them.

Everything here is made to be what it should be, whatever it was: calling it again after a crash repairs.
"""

import contextlib
import ipaddress

from engine.networks import links
from engine.networks.firewall import Firewall, Plan, Published
from engine.networks.links import Interface4, Links
from engine.networks.model import Endpoint, Network
from proto.errdefs import Conflict, Internal

_LONGEST_LINK = 15


class Bridges:
    """The bridges of the host's namespace."""

    def __init__(self, rtnetlink: Links, firewall: Firewall | None, *, forward: bool = True) -> None:
        self._links = rtnetlink
        self._firewall = firewall
        self._forward = forward

    def ensure(self, network: Network, endpoints: list[Endpoint]) -> int:
        """Make the bridge as the network says; answers its index."""
        index = self._link(network)
        wanted = Interface4(f"{network.gateway}/{network.pool.prefixlen}")
        present = self._links.addresses(index)
        if wanted not in present:
            if any(one.network.overlaps(wanted.network) for one in self._links.addresses()):
                raise Conflict(f"bridge {network.link}: {wanted} overlaps with an address of this host")
            self._links.apply(links.address(index, wanted))
        self._links.apply(links.up(index))
        self.set_rules(network, endpoints)
        _switch(f"ipv6/conf/{network.link}/accept_ra", "0")  # CVE-2020-13401
        _switch(f"ipv6/conf/{network.link}/disable_ipv6", "1")
        if self._forward and not network.internal:
            _switch("ipv4/ip_forward", "1")
        return index

    def index(self, network: Network) -> int | None:
        """The bridge's index, if it is there and up."""
        found = self._links.find(network.link)
        return found.index if found is not None and found.kind == "bridge" else None

    def set_rules(self, network: Network, endpoints: list[Endpoint]) -> None:
        """Let the packet filter know the network and its published ports."""
        if self._firewall is None:
            return
        published = tuple(
            Published(
                port.protocol,
                ipaddress.IPv4Address(port.host_ip),
                port.host_port,
                Interface4(endpoint.address).ip,
                port.port,
            )
            for endpoint in endpoints
            for port in endpoint.ports
        )
        # connections from 127.0.0.1 to a container keep their source until they leave by the bridge
        _switch(f"ipv4/conf/{network.link}/route_localnet", "1" if published else "0")
        self._firewall.apply(
            Plan(network.link, network.pool, network.masquerade, network.internal, not network.isolated, published)
        )

    def remove(self, network: Network) -> None:
        """Take the bridge and its rules away."""
        if self._firewall is not None:
            self._firewall.remove(network.link)
        found = self._links.find(network.link)
        if found is not None and found.kind == "bridge":
            self._links.apply(links.delete(found.index))

    def _link(self, network: Network) -> int:
        found = self._links.find(network.link)
        if found is None:
            gateway = ipaddress.IPv4Address(network.gateway)
            self._links.apply(links.bridge(network.link, network.mtu, b"\x02\x42" + gateway.packed))
            found = self._links.find(network.link)
        if found is None:
            raise Internal(f"bridge {network.link} went away while it was being made")
        if found.kind != "bridge":
            raise Conflict(f"device {network.link} exists and is not a bridge")
        return found.index


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
