"""Networks as the Docker API shows them: NetworkSettings of a container, and the network documents. Pure."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.networks.gateway import router
from engine.networks.model import HOST, NULL, Endpoint, Network, Pool, Sandbox

Document = dict[str, Any]

_NO_ENDPOINT: Document = {
    "IPAMConfig": None, "Links": None, "Aliases": None, "MacAddress": "", "DriverOpts": None, "GwPriority": 0,
    "NetworkID": "",
    "EndpointID": "", "Gateway": "", "IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "", "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0, "DNSNames": None,
}  # fmt: skip


def settings(
    container_id: str,
    host_config: Document,
    asked: Document,
    sandbox: Sandbox | None,
    endpoints: Sequence[Endpoint],
    networks: Mapping[str, Network],
    name: str = "",
) -> Document:
    """NetworkSettings of `GET /containers/{id}/json`."""
    placed = {networks[one.network_id].name: one for one in endpoints if one.network_id in networks}
    by_name = {network.name: network for network in networks.values()}
    entries: Document = {}
    for one in _names(host_config, asked, placed):
        known = by_name.get(one) or networks.get(one)
        shown = known.name if known else one
        entries[shown] = _entry(known, placed.get(shown), asked.get(one) or {}, running=sandbox is not None)
        if shown in placed and known is not None and not known.is_predefined and sandbox is not None:
            entries[shown]["DNSNames"] = _dns_names(container_id, name, entries[shown]["Aliases"] or (), sandbox)
    first = next((entry for entry in entries.values() if entry["IPAddress"]), _NO_ENDPOINT)
    if host_config.get("NetworkMode") not in ("default", "bridge"):
        first = _NO_ENDPOINT  # the old fields speak of the default bridge alone
    return {
        "Bridge": "",
        "SandboxID": container_id if sandbox is not None else "",
        "SandboxKey": _key(sandbox),
        "Ports": ports(endpoints, sandbox.exposed) if sandbox is not None else {},
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        **{
            key: first[key]
            for key in (
                "EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress", "IPPrefixLen",
                "IPv6Gateway", "MacAddress",
            )
        },
        "Networks": entries,
    }  # fmt: skip


def ports(endpoints: Sequence[Endpoint], exposed: Sequence[str] = ()) -> Document:
    """Which port of the host leads to which of the container; null where none does."""
    found: Document = dict.fromkeys(exposed)
    for endpoint in endpoints:
        for port in endpoint.ports:
            found[port.key] = [
                *(found.get(port.key) or ()),
                {"HostIp": port.host_ip, "HostPort": str(port.host_port or "")},
            ]
    return found


def network(one: Network, *, endpoints: Sequence[Endpoint] | None, name_of: Callable[[str], str]) -> Document:
    """A network; with `Containers` filled where it is inspected, empty in lists."""
    config = [_pool(one, pool) for pool in one.pools(4, 6)] or _configured(one)
    return {
        "Name": one.name,
        "Id": one.id,
        "Created": one.created,
        "Scope": "local",
        "Driver": one.driver,
        "EnableIPv4": bool(one.template.get("EnableIPv4", one.subnet or not one.subnet6)),
        "EnableIPv6": bool(one.template.get("EnableIPv6", one.subnet6)),
        "IPAM": {
            "Driver": "default",
            "Options": _ipam_options(one),
            "Config": config or None,
        },
        "Internal": one.internal,
        "Attachable": one.attachable,
        "Ingress": False,
        "ConfigFrom": {"Network": one.config_from},
        "ConfigOnly": one.config_only,
        "Containers": {
            endpoint.container_id: {
                "Name": name_of(endpoint.container_id),
                "EndpointID": endpoint.id,
                "MacAddress": endpoint.mac,
                "IPv4Address": endpoint.address,
                "IPv6Address": endpoint.address6,
            }
            for endpoint in endpoints or ()
        },
        "Options": one.options,
        "Labels": one.labels,
    }


def _pool(one: Network, pool: Pool) -> Document:
    shown: Document = {"Subnet": str(pool.subnet)}
    if pool.range_shown:
        shown["IPRange"] = str(pool.within)
    if pool.gateway and pool.gateway_shown:
        shown["Gateway"] = pool.gateway
    own = {name: address for name, address in one.reserved.items() if ipaddress.ip_address(address) in pool.subnet}
    return shown | ({"AuxiliaryAddresses": own} if own else {})


def _configured(one: Network) -> list[Document]:
    """What a configuration network says, IPv4 first."""
    entries = [entry for entry in (one.template.get("IPAM") or {}).get("Config") or [] if any(entry.values())]
    shown = [{key: value for key, value in entry.items() if value} for entry in entries]
    return sorted(shown, key=lambda entry: ":" in entry["Subnet"])


def _names(host_config: Document, asked: Document, placed: Mapping[str, Endpoint]) -> list[str]:
    mode = str(host_config.get("NetworkMode") or "default")
    if mode.startswith("container:"):
        return []
    first = "bridge" if mode == "default" else mode
    return list(dict.fromkeys([first, *(name for name in asked if name != "default"), *placed]))


def _entry(known: Network | None, endpoint: Endpoint | None, asked: Document, *, running: bool) -> Document:
    entry = {
        **_NO_ENDPOINT,
        **{key: asked.get(key) for key in ("IPAMConfig", "Aliases", "Links", "DriverOpts")},
        "GwPriority": asked.get("GwPriority") or 0,
        "NetworkID": known.id if known is not None and (running or known.driver not in (HOST, NULL)) else "",
    }
    if endpoint is None or known is None:
        return entry | {"MacAddress": asked.get("MacAddress") or ""}
    if endpoint.address6:
        address6, _, length = endpoint.address6.partition("/")
        entry |= {
            "IPv6Gateway": "" if known.is_closed else router(known, endpoint.address6),
            "GlobalIPv6Address": address6,
            "GlobalIPv6PrefixLen": int(length),
        }
    if endpoint.address:
        address, _, length = endpoint.address.partition("/")
        entry |= {
            "Gateway": "" if known.is_closed else router(known, endpoint.address),
            "IPAddress": address,
            "IPPrefixLen": int(length),
        }
    return entry | {"MacAddress": endpoint.mac, "EndpointID": endpoint.id}


def _dns_names(container_id: str, name: str, aliases: Sequence[str], sandbox: Sandbox) -> list[str]:
    return [one for one in dict.fromkeys((name, *aliases, container_id[:12], *sandbox.name.split()[-1:])) if one]


def _key(sandbox: Sandbox | None) -> str:
    if sandbox is None or sandbox.netns is None:
        return ""
    return "/var/run/docker/netns/default" if sandbox.netns == "host" else sandbox.netns


def _ipam_options(one: Network) -> dict[str, str] | None:
    asked = (one.template.get("IPAM") or {}).get("Options") or one.ipam_option_values
    return asked if one.ipam_options or one.config_only else None
