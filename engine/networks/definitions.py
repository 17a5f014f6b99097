"""Making and removing networks: the three that are always there, and the bridges that users define.

Runs in the network thread. The default bridge keeps its subnet over restarts unless the daemon is told another.
"""

import contextlib
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from engine import timestamps
from engine.config import Config
from engine.networks import config_only, ipam, ipam_request, parent_link, subnets
from engine.networks import options as words
from engine.networks.bridge import Bridges, check_link_name
from engine.networks.links import Interface4, Links
from engine.networks.model import BRIDGE, HOST, NULL, ON_PARENT, PREDEFINED, Network
from engine.networks.options import BRIDGE_OPTION
from engine.networks.store import Store
from engine.networks.subnets import Taken
from proto.errdefs import Conflict, Fault, InvalidArgument, PermissionDenied

logger = logging.getLogger(__name__)

Json = Mapping[str, Any]

DEFAULT_LINK = "wherry0"
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
            elif network.parent_made:
                try:
                    self._bridges.ensure(network, [])
                except Fault as fault:  # its base may come back, and does then at a container's start
                    logger.warning("network %s: %s", network.name, fault)

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
        config_only.check(body)
        words.refuse(body)
        source = config_only.named_by(body)
        network = replace(self._wanted(name, config_only.completed(body, self._named(source))), config_from=source)
        self._store.put_network(network)
        if network.config_only:
            return network
        try:
            index = self._bridges.ensure(network, [])
            if network.driver in ON_PARENT:
                self._bridges.parents.probe(network, index)
        except BaseException:
            with contextlib.suppress(OSError):
                self._bridges.remove(network)
            self._store.drop_network(network.id)
            raise
        return network

    def _wanted(self, name: str, body: Json) -> Network:
        """What a network is to be, without anything of it made."""
        if body.get("ConfigOnly"):
            return replace(
                _network(name, NULL),
                config_only=True,
                template=config_only.template(body),
                options=_texts(body, "Options"),
                labels=_texts(body, "Labels"),
            )
        return self._create_on_parent(name, body) if body.get("Driver") in ON_PARENT else self._bridge(name, body)

    def _bridge(self, name: str, body: Json) -> Network:
        """What a bridge network is to be."""
        options = _texts(body, "Options")
        versions = words.versions(body, options)
        words.check_known(options)
        internal = bool(body.get("Internal"))
        modes = words.gateway_modes(options, internal=internal)
        fields = subnets.plan(body.get("IPAM") or {}, self._pools(), self._taken(), versions)
        for version, mode in modes.items():
            if mode == "isolated":
                fields["gateway" if version == 4 else "gateway6"] = ""
        network = replace(
            _network(name, BRIDGE),
            **fields,
            internal=internal,
            attachable=bool(body.get("Attachable")),
            masquerade=words.flag(options, f"{BRIDGE_OPTION}enable_ip_masquerade"),
            routed=[version for version, mode in modes.items() if mode == "routed"],
            unprotected=[version for version, mode in modes.items() if mode == "nat-unprotected"],
            pinned=words.PIN in options and words.flag(options, words.PIN),
            isolated=not words.flag(options, f"{BRIDGE_OPTION}enable_icc"),
            mtu=words.number(options, words.MTU, self._config.mtu or 1500),
            host_ip=words.binding(options.get(f"{BRIDGE_OPTION}host_binding_ipv4") or ""),
            prefix=words.prefix(options.get(words.PREFIX) or "eth"),
            options=options,
            labels=_texts(body, "Labels"),
        )
        link = options.get(f"{BRIDGE_OPTION}name") or f"br-{network.id[:12]}"
        if any(one.link == link for one in self._store.networks()):
            raise Conflict(
                f"cannot create network {network.id} ({link}): conflicts with an existing network's bridge name"
            )
        return replace(network, link=check_link_name(link), link_found=self._bridges.is_there(link))

    def _create_on_parent(self, name: str, body: Json) -> Network:
        """What a macvlan or ipvlan network is to be."""
        driver, options = str(body["Driver"]), _texts(body, "Options")
        versions = words.versions(body, options)
        network = _network(name, driver)
        network = replace(
            network,
            **parent_link.read(driver, options, network.id),
            internal=bool(body.get("Internal")),
            attachable=bool(body.get("Attachable")),
            options=options,
            labels=_texts(body, "Labels"),
        )
        others = [one for one in self._store.networks() if one.parent == network.parent]
        parent_link.check_neighbours(network, others)
        made = any(one.parent_made for one in others) or not self._bridges.is_there(network.parent)
        fields = subnets.plan(body.get("IPAM") or {}, self._pools(), self._taken(), versions, several=True)
        return replace(network, **fields, parent_made=made)

    def remove(self, network: Network) -> None:
        """`DELETE /networks/{id}`."""
        if network.is_predefined:
            raise PermissionDenied(f"{network.name} is a pre-defined network and cannot be removed")
        if network.config_only and any(one.config_from == network.name for one in self._store.networks()):
            raise PermissionDenied(f'error while removing network: configuration network "{network.name}" is in use')
        if self._store.endpoints(network_id=network.id):
            raise PermissionDenied(
                f"error while removing network: network {network.name} has active endpoints "
                f"({self._endpoint_names(network)})"
            )
        if network.driver != NULL and not any(
            one.parent == network.parent for one in self._store.networks() if one.parent and one != network
        ):
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
            router=words.router(self._config.default_gateway, wanted.network),
            ip_range=self._config.fixed_cidr,
            **self._default_subnet6(present),
            link=link,
            mtu=self._config.mtu or 1500,
            masquerade=self._config.ip_masq,
            isolated=not self._config.icc,
            options={
                f"{BRIDGE_OPTION}default_bridge": "true",
                f"{BRIDGE_OPTION}enable_icc": str(self._config.icc).lower(),
                f"{BRIDGE_OPTION}enable_ip_masquerade": str(self._config.ip_masq).lower(),
                f"{BRIDGE_OPTION}host_binding_ipv4": self._config.ip,
                f"{BRIDGE_OPTION}name": link,
                words.MTU: str(self._config.mtu or 1500),
            },
        )
        self._store.put_network(network)

    def _default_interface(self, present: Network | None, link: str) -> Interface4:
        """--bip, or what the bridge has, or what it had, or the first subnet that is free here."""
        if self._config.bip:
            return words.interface(self._config.bip)
        found = self._host.find(link)
        own = self._host.addresses(found.index) if found is not None else []
        if own:
            return own[0]
        others = self._taken(present)
        taken = [one for one in (*others.networks, *others.host) if one.version == 4]
        pool = present.pool if present is not None else None
        if present is not None and pool is not None and not any(pool.overlaps(one) for one in taken):
            return Interface4(f"{present.gateway}/{pool.prefixlen}")
        subnet = ipam.choose_subnet(self._pools(), taken)
        return Interface4(f"{ipam.gateway_of(subnet)}/{subnet.prefixlen}")

    def _default_subnet6(self, present: Network | None) -> dict[str, Any]:
        """--ipv6 and --fixed-cidr-v6 of the default bridge."""
        text = self._config.fixed_cidr_v6
        if not self._config.ipv6:
            if text:
                raise InvalidArgument("--fixed-cidr-v6 needs --ipv6")
            return {"subnet6": "", "gateway6": ""}
        if text:
            subnet = ipam_request.subnet(text, "subnet (--fixed-cidr-v6)")
            if subnet.version != 6:
                raise InvalidArgument(f"invalid --fixed-cidr-v6 {text}: not an IPv6 subnet")
        elif present is not None and present.pool6 is not None:
            subnet = present.pool6
        else:
            taken = self._taken(present)
            subnet = ipam.choose_subnet(self._pools(), [*taken.networks, *taken.host], 6)
        return {"subnet6": str(subnet), "gateway6": str(ipam.gateway_of(subnet))}

    def _pools(self) -> list[Mapping[str, Any]]:
        """Those of the daemon's settings; where they have no IPv6, one of this engine's own."""
        pools = list(self._config.default_address_pools or ipam.DEFAULT_POOLS)
        if not any(":" in pool["base"] for pool in pools):
            own = self._named("host")
            assert own is not None, "predefined networks come first"
            pools.append(ipam.unique_local(own.id))
        return pools

    def _taken(self, but: Network | None = None) -> Taken:
        others = [one for one in self._store.networks() if (but is None or one.id != but.id)]
        return Taken(
            [pool.subnet for one in others for pool in one.pools(4, 6)],
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


def _texts(body: Json, key: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in (body.get(key) or {}).items()}
