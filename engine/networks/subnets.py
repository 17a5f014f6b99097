"""The subnets of a new network: those that its request names, checked, or the next free ones of the pools."""

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.networks import ipam, ipam_request
from engine.networks.ipam_request import Entry
from engine.networks.model import Subnet, Subnet6
from proto.errdefs import Internal, InvalidArgument, PermissionDenied

Json = Mapping[str, Any]
Pools = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a new subnet must not overlap: of other networks, and of the host."""

    networks: Collection[Subnet | Subnet6]
    host: Collection[Subnet | Subnet6]


def plan(
    document: Json, pools: Pools, taken: Taken, versions: Collection[int], *, several: bool = False
) -> dict[str, Any]:
    """The fields of a network of these versions of IP that its IPAM request makes; `several`: its driver has them."""
    entries = ipam_request.read(document)
    fields: dict[str, Any] = {"gateways_shown": [], "more": [], "reserved": {}}
    for version in (4, 6):
        given = [entry for entry in entries if entry.subnet.version == version]
        if given and version not in versions:
            raise InvalidArgument(
                f"IPv{version} subnet {given[0].subnet} needs IPv{version} to be enabled (EnableIPv{version})"
            )
        if len(given) > 1 and not several:
            raise PermissionDenied("bridge driver doesn't support multiple subnets")
        _check_overlaps([one for one in taken.networks if one.version == version], given)
        if version in versions:
            first, *more = [_given(entry) for entry in given] or [_chosen(pools, taken, version)]
            _add(fields, version, first, given=bool(given))
            fields["more"] += more
    fields["reserved"] = {name: address for entry in entries for name, address in entry.reserved.items()}
    fields["ipam_options"] = document.get("Options") is not None
    fields["ipam_option_values"] = {str(name): str(value) for name, value in (document.get("Options") or {}).items()}
    return fields


def _add(fields: dict[str, Any], version: int, pool: dict[str, Any], *, given: bool) -> None:
    """A family's first subnet has fields of its own."""
    suffix = "" if version == 4 else "6"
    fields |= {f"{name}{suffix}": pool[name] for name in ("subnet", "gateway", "ip_range")}
    fields[f"ipam_given{suffix}"] = given
    if pool["gateway_shown"]:
        fields["gateways_shown"].append(version)


def _check_overlaps(taken: Sequence[Subnet | Subnet6], given: Iterable[Entry]) -> None:
    others = list(taken)
    for entry in given:
        if any(entry.subnet.overlaps(other) for other in others):
            raise PermissionDenied("invalid pool request: Pool overlaps with other one on this address space")
        others.append(entry.subnet)


def _chosen(pools: Pools, taken: Taken, version: int) -> dict[str, Any]:
    subnet = ipam.choose_subnet(pools, [*taken.networks, *taken.host], version)
    return {"subnet": str(subnet), "gateway": str(ipam.gateway_of(subnet)), "ip_range": "", "gateway_shown": True}


def _given(entry: Entry) -> dict[str, Any]:
    within = ipaddress.ip_network(entry.within) if entry.within else None
    gateway = entry.gateway or str(ipam.gateway_of(entry.subnet, within))
    for name, address in entry.reserved.items():
        if address == gateway:
            raise Internal(f"failed to allocate secondary ip address ({name}:{address}): Address already in use")
    return {
        "subnet": str(entry.subnet),
        "gateway": gateway,
        "ip_range": entry.within,
        "gateway_shown": bool(entry.gateway),
    }
