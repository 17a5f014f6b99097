"""Making and removing networks: the three that are always there, and the bridges that users define.

Runs in the network thread. The default bridge keeps its subnet over restarts unless the daemon is told another.
"""

import contextlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from engine import timestamps
from engine.config import Config
from engine.networks import ipam, parent_link, subnets
from engine.networks.bridge import Bridges, check_link_name
from engine.networks.ipam import Address, Subnet
from engine.networks.links import Interface4, Links
from engine.networks.model import BRIDGE, HOST, MACVLAN, NULL, ON_PARENT, PREDEFINED, Network
from engine.networks.store import Store
from engine.networks.subnets import Taken
from proto.errdefs import Conflict, InvalidArgument, NotFound, PermissionDenied, Unimplemented

Json = Mapping[str, Any]

DEFAULT_LINK = "wherry0"
_OPTION = "com.docker.network.bridge."
_MTU = "com.docker.network.driver.mtu"
PIN = "wherry.network.bridge.pin_addresses"
_PREFIX = "com.docker.network.container_iface_prefix"
_KNOWN_OPTIONS = {
    f"{_OPTION}{name}"
    for name in (
        *("name", "enable_icc", "enable_ip_masquerade", "default_bridge", "host_binding_ipv4"),
        *("gateway_mode_ipv4", "gateway_mode_ipv6"),
    )
}
_NAME = re.compile(r"[^\s/](?:[^/\x00-\x1f\x7f]*[^\s/])?")  # dockerd takes almost any


class Definitions:
    """The networks of one engine."""

    def __init__(
        self,
        store: Store,
        host: Links,
        bridges: Bridges,
        config: Config,
        name_of: Callable[[str], str] = lambda container_id: "",
    ) -> None:
        self._store = store
        self._host = host
        self._bridges = bridges
        self._config = config
        self._name_of = name_of

    def open(self) -> None:
        """See that the predefined networks are there, and every bridge as its network says."""
        for name, driver in (("host", HOST), ("none", NULL)):
            if self._named(name) is None:
                self._store.put_network(_network(name, driver))
        self._open_default()
        for network in self._store.networks():
            if network.driver == BRIDGE:
                self._bridges.ensure(network, self._store.endpoints(network_id=network.id))

    def create(self, body: Json) -> Network:
        """`POST /networks/create`."""
        name = str(body.get("Name") or "")
        if not _NAME.fullmatch(name):
            raise InvalidArgument(
                f"invalid network name: {name!r}: no slashes, and no spaces at its ends"
                if name
                else "invalid name: name is empty"
            )
        if name in (*PREDEFINED, "default"):
            raise PermissionDenied(f"operation is not permitted on predefined {name} network")
        if self._named(name) is not None:
            raise Conflict(f"network with name {name} already exists")
        _refuse(body)
        options = {str(key): str(value) for key, value in (body.get("Options") or {}).items()}
        if body.get("Driver") in ON_PARENT:
            return self._create_on_parent(name, body, options)
        for option in options:
            if option not in _KNOWN_OPTIONS | {_MTU, _PREFIX, PIN}:
                raise Unimplemented(f"network option {option} is not supported")
        network = replace(
            _network(name, BRIDGE),
            **subnets.plan(body.get("IPAM") or {}, self._pools(), self._taken(), ipv6=bool(body.get("EnableIPv6"))),
            internal=bool(body.get("Internal")),
            attachable=bool(body.get("Attachable")),
            masquerade=_flag(options, f"{_OPTION}enable_ip_masquerade"),
            routed=[version for version in (4, 6) if _is_routed(options, version)],
            pinned=PIN in options and _flag(options, PIN),
            isolated=not _flag(options, f"{_OPTION}enable_icc"),
            mtu=_number(options, _MTU, self._config.mtu or 1500),
            host_ip=_binding(options.get(f"{_OPTION}host_binding_ipv4") or ""),
            prefix=_prefix(options.get(_PREFIX) or "eth"),
            options=options,
            labels={str(key): str(value) for key, value in (body.get("Labels") or {}).items()},
        )
        link = options.get(f"{_OPTION}name") or f"br-{network.id[:12]}"
        if any(one.link == link for one in self._store.networks()):
            raise Conflict(
                f"cannot create network {network.id} ({link}): conflicts with an existing network's bridge name"
            )
        network = replace(network, link=check_link_name(link))
        try:
            self._bridges.ensure(network, [])
        except BaseException:
            with contextlib.suppress(OSError):
                self._bridges.remove(network)
            raise
        self._store.put_network(network)
        return network

    def _create_on_parent(self, name: str, body: Json, options: dict[str, str]) -> Network:
        driver = str(body["Driver"])
        network = replace(
            _network(name, driver),
            **subnets.plan(body.get("IPAM") or {}, self._pools(), self._taken(), ipv6=bool(body.get("EnableIPv6"))),
            **parent_link.read(driver, options),
            internal=bool(body.get("Internal")),
            attachable=bool(body.get("Attachable")),
            options=options,
            labels={str(key): str(value) for key, value in (body.get("Labels") or {}).items()},
        )
        for one in self._store.networks():
            if one.parent == network.parent and (one.driver == driver == MACVLAN or one.driver != driver):
                raise PermissionDenied(f"network {one.id} is already using parent interface {network.parent}")
        parent_link.probe(self._host, network, self._bridges.ensure(network, []))
        self._store.put_network(network)
        return network

    def remove(self, network: Network) -> None:
        """`DELETE /networks/{id}`."""
        if network.is_predefined:
            raise PermissionDenied(f"{network.name} is a pre-defined network and cannot be removed")
        if self._store.endpoints(network_id=network.id):
            raise PermissionDenied(
                f"error while removing network: network {network.name} has active endpoints "
                f"({self._endpoint_names(network)})"
            )
        self._bridges.remove(network)
        self._store.drop_network(network.id)

    def _endpoint_names(self, network: Network) -> str:
        """As dockerd lists them."""
        known = self._store.endpoints(network_id=network.id)
        return ", ".join(f'name:"{self._name_of(one.container_id)}" id:"{one.id[:12]}"' for one in known)

    def _open_default(self) -> None:
        """The network `bridge`, with what the daemon was told of it; `--bridge none` does without."""
        present = self._named("bridge")
        if self._config.bridge == "none":
            if present is not None:
                self._bridges.remove(present)
                self._store.drop_network(present.id)
            return
        link = check_link_name(self._config.bridge or DEFAULT_LINK)
        wanted = self._default_interface(present, link)
        network = replace(
            present or _network("bridge", BRIDGE),
            subnet=str(wanted.network),
            gateway=str(wanted.ip),
            router=_router(self._config.default_gateway, wanted.network),
            ip_range=self._config.fixed_cidr,
            **self._default_subnet6(present),
            link=link,
            mtu=self._config.mtu or 1500,
            masquerade=self._config.ip_masq,
            isolated=not self._config.icc,
            options={
                f"{_OPTION}default_bridge": "true",
                f"{_OPTION}enable_icc": str(self._config.icc).lower(),
                f"{_OPTION}enable_ip_masquerade": str(self._config.ip_masq).lower(),
                f"{_OPTION}host_binding_ipv4": self._config.ip,
                f"{_OPTION}name": link,
                _MTU: str(self._config.mtu or 1500),
            },
        )
        self._store.put_network(network)

    def _default_interface(self, present: Network | None, link: str) -> Interface4:
        """--bip, or what the bridge has, or what it had, or the first subnet that is free here."""
        if self._config.bip:
            return _interface(self._config.bip)
        found = self._host.find(link)
        own = self._host.addresses(found.index) if found is not None else []
        if own:
            return own[0]
        if present is not None and not any(present.pool.overlaps(taken) for taken in self._taken(present).all4()):
            return Interface4(f"{present.gateway}/{present.pool.prefixlen}")
        subnet = ipam.choose_subnet(self._pools(), self._taken(present).all4())
        return Interface4(f"{ipam.gateway_of(subnet)}/{subnet.prefixlen}")

    def _default_subnet6(self, present: Network | None) -> dict[str, Any]:
        """--ipv6 and --fixed-cidr-v6 of the default bridge."""
        text = self._config.fixed_cidr_v6
        if not self._config.ipv6:
            if text:
                raise InvalidArgument("--fixed-cidr-v6 needs --ipv6")
            return {"subnet6": "", "gateway6": ""}
        if text:
            subnet = subnets.parse(text, "subnet (--fixed-cidr-v6)")
            if not isinstance(subnet, ipam.Subnet6):
                raise InvalidArgument(f"invalid --fixed-cidr-v6 {text}: not an IPv6 subnet")
        elif present is not None and present.pool6 is not None:
            subnet = present.pool6
        else:
            subnet = ipam.choose_subnet6(self._pools(), self._taken(present).all6())
        return {"subnet6": str(subnet), "gateway6": str(ipam.gateway6_of(subnet))}

    def _pools(self) -> list[Mapping[str, Any]]:
        """Those of the daemon's settings; where they have no IPv6, one of this engine's own."""
        pools = list(self._config.default_address_pools or ipam.DEFAULT_POOLS)
        if not any(":" in pool["base"] for pool in pools):
            own = self._named("host")
            assert own is not None, "predefined networks come first"
            pools.append(ipam.unique_local(own.id))
        return pools

    def _taken(self, but: Network | None = None) -> Taken:
        others = [one for one in self._store.networks() if one.subnet and (but is None or one.id != but.id)]
        return Taken(
            [pool for one in others for pool in (one.pool, one.pool6) if pool is not None],
            [
                *self._host.routes(),
                *self._host.routes6(),
                *(address.network for address in self._host.addresses()),
            ],
        )

    def _named(self, name: str) -> Network | None:
        return next((one for one in self._store.networks() if one.name == name), None)


def _network(name: str, driver: str) -> Network:
    return Network(id=secrets.token_hex(32), name=name, driver=driver, created=timestamps.now())


def _refuse(body: Json) -> None:
    """What user-defined networks cannot be here, each by its name."""
    driver = body.get("Driver") or BRIDGE
    if driver in (HOST, NULL):
        raise PermissionDenied(f'only one instance of "{driver}" network is allowed')
    if driver == "overlay":
        raise Unimplemented("network driver overlay is not supported")
    if driver != BRIDGE and driver not in ON_PARENT:
        raise NotFound(f'plugin "{driver}" not found')
    for key in ("Ingress", "ConfigOnly"):
        if body.get(key):
            raise Unimplemented(f"{key} of a network is not supported")
    if (body.get("ConfigFrom") or {}).get("Network"):
        raise Unimplemented("ConfigFrom of a network is not supported")
    if body.get("EnableIPv4") is False:
        raise Unimplemented("a network without IPv4 (EnableIPv4) is not supported")
    if body.get("Scope") not in (None, "", "local"):
        raise Unimplemented(f"network scope {body['Scope']} is not supported")


def _router(text: str, subnet: Subnet) -> str:
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


def _interface(text: str) -> Interface4:
    try:
        interface = Interface4(text)
    except ValueError as error:
        raise InvalidArgument(f"invalid bridge address (--bip) {text}: {error}") from error
    if "/" not in text or interface.ip == interface.network.network_address:
        raise InvalidArgument(f"invalid bridge address (--bip) {text}: an address with its prefix length is needed")
    return interface


def _binding(text: str) -> str:
    try:
        return str(Address(text)) if text else ""
    except ValueError:
        raise InvalidArgument(f"failed to parse {_OPTION}host_binding_ipv4 value: {text!r}") from None


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_-]{0,10}", text):
        raise InvalidArgument(f"failed to parse {_PREFIX} value: {text!r}")
    return text


def _is_routed(options: Mapping[str, str], version: int) -> bool:
    mode = options.get(f"{_OPTION}gateway_mode_ipv{version}", "nat")
    if mode not in ("nat", "routed"):
        raise Unimplemented(f"gateway mode {mode} ({_OPTION}gateway_mode_ipv{version}) is not supported: nat or routed")
    return mode == "routed"


def _flag(options: Mapping[str, str], name: str) -> bool:
    text = options.get(name, "true").lower()
    if text not in ("true", "false", "1", "0"):
        raise InvalidArgument(f"failed to parse {name} value: {text!r}")
    return text in ("true", "1")


def _number(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name, str(default))
    if not text.isdigit() or not 68 <= int(text) <= 65535:
        raise InvalidArgument(f"failed to parse {name} value: {text!r}")
    return int(text)
