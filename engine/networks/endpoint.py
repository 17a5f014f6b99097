"""One endpoint in the kernel: the veth between a bridge and a namespace, with its address and route."""

from collections.abc import Callable

from engine.networks import links
from engine.networks.ipam import Address, parse_hardware_address
from engine.networks.links import Interface4, Links
from engine.networks.model import Endpoint, Network
from proto.errdefs import Internal


def wire(
    host: Links,
    network: Network,
    master: int,
    endpoint: Endpoint,
    namespace_fd: int,
    *,
    default: bool,
    inside: Callable[[], Links] = Links,
) -> None:
    """Make the veth; the calling thread is in the container's namespace, `host` speaks to the bridge's."""
    mac = parse_hardware_address(endpoint.mac)
    made = [links.veth(endpoint.link, master, network.mtu, endpoint.interface, mac, namespace_fd)]
    if endpoint.ports or network.isolated:
        # a container may ask for its own published port; isolation must hold below IP, where rules may not look
        hairpin = bool(endpoint.ports)
        made.append(links.bridge_port(endpoint.link, hairpin=hairpin, isolated=network.isolated))
    host.apply(*made)
    inner = inside()
    try:
        own = inner.find(endpoint.interface)
        if own is None:
            raise Internal(
                f"interface {endpoint.interface} of {endpoint.container_id} went away while it was being made"
            )
        messages = [links.up(own.index), links.address(own.index, Interface4(endpoint.address))]
        if default and not network.internal:
            messages.append(links.default_route(own.index, Address(network.gateway)))
        inner.apply(*messages)
    finally:
        inner.close()
