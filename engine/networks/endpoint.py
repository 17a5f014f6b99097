"""One endpoint in the kernel: the veth between a bridge and a namespace, with its address, sysctls and route."""

import ipaddress
from collections.abc import Callable, Iterable

from engine.networks import links, parent_link
from engine.networks.ipam import parse_hardware_address
from engine.networks.links import Interface4, Links
from engine.networks.model import ON_PARENT, Endpoint, Network
from engine.networks.netlink import Message
from proto.errdefs import Internal, InvalidArgument


def wire(
    host: Links,
    network: Network,
    master: int,
    endpoint: Endpoint,
    namespace_fd: int,
    *,
    inside: Callable[[], Links] = Links,
) -> None:
    """Make the veth; the calling thread is in the container's namespace, `host` speaks to the bridge's."""
    mac = parse_hardware_address(endpoint.mac)
    if network.driver in ON_PARENT:
        try:
            host.apply(parent_link.message(network, master, endpoint.interface, mac, namespace_fd))
        except OSError as error:
            raise Internal(f"failed to create the {network.driver} port: {error.strerror}") from error
    else:
        host.apply(*_veth(network, master, endpoint, mac, namespace_fd))
    inner = inside()
    try:
        own = inner.find(endpoint.interface)
        if own is None:
            raise Internal(
                f"interface {endpoint.interface} of {endpoint.container_id} went away while it was being made"
            )
        messages = [links.up(own.index)]
        if endpoint.address:
            messages.append(links.address(own.index, Interface4(endpoint.address)))
        more = [ipaddress.ip_interface(one) for one in (endpoint.address6, *endpoint.link_local) if one]
        if any(one.version == 6 for one in more):
            _allow_ipv6(endpoint.interface)
        messages += [links.address(own.index, one) for one in more]
        inner.apply(*messages)
    finally:
        inner.close()


def unwire(interface: str, *, inside: Callable[[], Links] = Links) -> None:
    """Delete an interface of the namespace that the thread is in."""
    inner = inside()
    try:
        own = inner.find(interface)
        if own is not None:
            inner.apply(links.delete(own.index))
    finally:
        inner.close()


def _veth(network: Network, master: int, endpoint: Endpoint, mac: bytes, namespace_fd: int) -> list[Message]:
    made = [links.veth(endpoint.link, master, network.mtu, endpoint.interface, mac, namespace_fd)]
    if endpoint.ports or network.isolated:
        # a container may ask for its own published port; isolation must hold below IP, where rules may not look
        hairpin = bool(endpoint.ports)
        made.append(links.bridge_port(endpoint.link, hairpin=hairpin, isolated=network.isolated))
    return made


def lead_out(interface: str, router: str, version: int, *, inside: Callable[[], Links] = Links) -> None:
    """Have the default route of the namespace that the thread is in go by one interface, wherever it went before."""
    inner = inside()
    try:
        own = inner.find(interface)
        if own is not None:
            inner.apply(links.default_route(own.index, router, version))
    finally:
        inner.close()


def _allow_ipv6(interface: str) -> None:
    """IPv6 with the address that we give and no other, at once."""
    for name, value in (("accept_ra", "0"), ("autoconf", "0"), ("accept_dad", "0"), ("disable_ipv6", "0")):
        with open(f"/proc/sys/net/ipv6/conf/{interface}/{name}", "w") as file:
            file.write(value)


def apply_sysctls(interface: str, sysctls: Iterable[str]) -> None:
    """Set an interface's switches in the namespace that the thread is in; each is `net.ipv4.conf.IFNAME.name=value`."""
    for sysctl in sysctls:
        name, _, value = sysctl.partition("=")
        _, family, group, _, last = name.split(".")
        path = f"/proc/sys/net/{family}/{group}/{interface}/{last}"
        try:
            with open(path, "r+") as file:
                if file.read().strip() != value:
                    file.seek(0)
                    file.write(value)
        except FileNotFoundError:
            raise InvalidArgument(f"{path} is not a sysctl file") from None
        except OSError as error:
            raise InvalidArgument(f"unable to write to '{path}': {error.strerror}") from error
