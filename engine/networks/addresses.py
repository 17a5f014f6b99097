"""The addresses of endpoints: chosen or granted, and kept back until the kernel has taken down the veth with them.

Until then, and until the connections of who had it are forgotten, nobody is given an address who did not ask for it;
who did need not wait for the veth.
"""

import ipaddress

from engine.networks import gateway, ipam
from engine.networks.forgetting import Forgetting
from engine.networks.ipam import Address, Address6
from engine.networks.links import Links
from engine.networks.model import Endpoint, Network
from engine.networks.request import Attachment
from engine.networks.store import Store
from proto.errdefs import InvalidArgument, ResourceExhausted


class Addresses:
    """Who has which address, of one engine's networks."""

    def __init__(self, store: Store, host: Links, forgetting: Forgetting) -> None:
        self._store = store
        self._host = host
        self._forgetting = forgetting
        self._draining: dict[tuple[str, Address | Address6], str] = {}  # given back, but the veth is still there

    def check(self, network: Network, attachment: Attachment) -> None:
        """Refuse at create an address that no start could give."""
        for asked, pool, given in (
            (attachment.address, network.pool, network.ipam_given),
            (attachment.address6, network.pool6, network.ipam_given6),
        ):
            if asked:
                _may_ask(network, given=given)
                if pool is None or ipaddress.ip_address(asked) not in pool:
                    _refuse(asked)

    def choose4(self, network: Network, attachment: Attachment) -> Address | None:
        """The IPv4 address for an attachment; None where the network has none."""
        pool = network.pool
        if pool is None:
            _refuse(attachment.address)
            return None
        used = self._used(network) | {Address(one) for one in (network.gateway, gateway.router(network)) if one}
        if attachment.address:
            _may_ask(network, given=network.ipam_given)
            ipam.check_requested(Address(attachment.address), pool, used)
            self._forgetting.settle()
            return Address(attachment.address)
        used |= self._kept_back(network)
        within = ipam.Subnet(network.ip_range) if network.ip_range else pool
        address = ipam.first_free(pool, within, {one for one in used if isinstance(one, Address)})
        if address is None:
            raise _none_left(4, network)
        return address

    def choose6(self, network: Network, attachment: Attachment) -> Address6 | None:
        """The same for IPv6."""
        pool = network.pool6
        if pool is None:
            _refuse(attachment.address6)
            return None
        used = self._used(network) | ({Address6(network.gateway6)} if network.gateway6 else set())
        if attachment.address6:
            _may_ask(network, given=network.ipam_given6)
            ipam.check_requested(Address6(attachment.address6), pool, used)
            self._forgetting.settle()
            return Address6(attachment.address6)
        used |= self._kept_back(network)
        within = ipam.Subnet6(network.ip_range6) if network.ip_range6 else pool
        address = ipam.first_free6(pool, within, {one for one in used if isinstance(one, Address6)})
        if address is None:
            raise _none_left(6, network)
        return address

    def keep_back(self, endpoint: Endpoint) -> None:
        """An endpoint goes: nobody is given its addresses while the kernel still knows them."""
        self._draining |= {(endpoint.network_id, one): endpoint.link for one in endpoint.addresses}

    def _used(self, network: Network) -> set[Address | Address6]:
        """Addresses of endpoints, and those set apart."""
        return {
            *(address for one in self._store.endpoints(network_id=network.id) for address in one.addresses),
            *(ipaddress.ip_address(one) for one in network.reserved.values()),
        }

    def _kept_back(self, network: Network) -> set[Address | Address6]:
        for key in [key for key, link in self._draining.items() if self._is_free(key[1], link)]:
            del self._draining[key]
        return {address for network_id, address in self._draining if network_id == network.id}

    def _is_free(self, address: Address | Address6, link: str) -> bool:
        return not self._forgetting.is_pending(address) and self._host.find(link) is None


def _refuse(asked: str) -> None:
    if asked:
        raise InvalidArgument(f"no configured subnet contains IP address {asked}")


def _none_left(version: int, network: Network) -> ResourceExhausted:
    return ResourceExhausted(
        f"no available IPv{version} addresses on this network's address pools: {network.name} ({network.id})"
    )


def _may_ask(network: Network, *, given: bool) -> None:
    """Whether a container may have an address of its own choice there."""
    if network.is_predefined:
        raise InvalidArgument("user specified IP address is supported on user defined networks only")
    if not given:
        raise InvalidArgument(
            "user specified IP address is supported only when connecting to networks with user configured subnets"
        )
