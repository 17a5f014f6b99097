"""The subnets of a new network: those that its request names, checked, or the next free ones of the pools."""

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.networks import ipam
from engine.networks.ipam import Address, Address6, Subnet, Subnet6
from proto.errdefs import InvalidArgument, PermissionDenied, Unimplemented

Json = Mapping[str, Any]
Pools = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a new subnet must not overlap: of other networks, and of the host."""

    networks: Collection[Subnet | Subnet6]
    host: Collection[Subnet | Subnet6]

    def all4(self) -> list[Subnet]:
        return [one for one in (*self.networks, *self.host) if isinstance(one, Subnet)]

    def all6(self) -> list[Subnet6]:
        return [one for one in (*self.networks, *self.host) if isinstance(one, Subnet6)]


def plan(document: Json, pools: Pools, taken: Taken, versions: Collection[int]) -> dict[str, Any]:
    """The fields of a network of these versions of IP that its IPAM request makes."""
    if document.get("Driver") not in (None, "", "default"):
        raise Unimplemented(f"IPAM driver {document['Driver']} is not supported")
    if document.get("Options"):
        raise Unimplemented("IPAM options (IPAM.Options) are not supported")
    entries = [entry for entry in document.get("Config") or [] if any(entry.values())]
    if any(not entry.get("Subnet") for entry in entries):
        raise InvalidArgument("invalid network config:\ninvalid subnet : a subnet is needed for a gateway or range")
    of4 = [entry for entry in entries if ":" not in entry["Subnet"]]
    of6 = [entry for entry in entries if ":" in entry["Subnet"]]
    if len(of4) > 1 or len(of6) > 1:
        raise PermissionDenied("bridge driver doesn't support multiple subnets")
    for version, given in ((4, of4), (6, of6)):
        if given and version not in versions:
            raise InvalidArgument(
                f"IPv{version} subnet {given[0]['Subnet']} needs IPv{version} to be enabled (EnableIPv{version})"
            )
    fields: dict[str, Any] = {}
    if 4 in versions:
        fields |= _given(of4[0], taken) if of4 else _chosen(pools, taken)
    if 6 in versions:
        fields |= _given6(of6[0], taken) if of6 else _chosen6(pools, taken)
    silent = [6 if ":" in entry["Subnet"] else 4 for entry in entries if not entry.get("Gateway")]
    fields["gateways_shown"] = [version for version in (4, 6) if version not in silent]
    fields["ipam_options"] = document.get("Options") is not None
    fields["reserved"] = {
        str(key): str(value) for entry in entries for key, value in (entry.get("AuxiliaryAddresses") or {}).items()
    }
    return fields


def parse(text: str, what: str) -> Subnet | Subnet6:
    """A subnet, written with its network address."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidArgument(f"invalid network config:\ninvalid {what} {text}: {error}") from error


def _chosen(pools: Pools, taken: Taken) -> dict[str, Any]:
    subnet = ipam.choose_subnet(pools, taken.all4())
    return {"subnet": str(subnet), "gateway": str(ipam.gateway_of(subnet))}


def _chosen6(pools: Pools, taken: Taken) -> dict[str, Any]:
    subnet = ipam.choose_subnet6(pools, taken.all6())
    return {"subnet6": str(subnet), "gateway6": str(ipam.gateway6_of(subnet))}


def _given(entry: Json, taken: Taken) -> dict[str, Any]:
    subnet, within, gateway = _checked(entry, taken)
    assert isinstance(subnet, Subnet)
    assert within is None or isinstance(within, Subnet)
    return {
        "subnet": str(subnet),
        "gateway": str(gateway or ipam.gateway_of(subnet, within)),
        "ip_range": str(within or ""),
        "ipam_given": True,
    }


def _given6(entry: Json, taken: Taken) -> dict[str, Any]:
    subnet, within, gateway = _checked(entry, taken)
    assert isinstance(subnet, Subnet6)
    assert within is None or isinstance(within, Subnet6)
    return {
        "subnet6": str(subnet),
        "gateway6": str(gateway or ipam.gateway6_of(subnet, within)),
        "ip_range6": str(within or ""),
        "ipam_given6": True,
    }


def _checked(entry: Json, taken: Taken) -> tuple[Subnet | Subnet6, Subnet | Subnet6 | None, Address | Address6 | None]:
    subnet = parse(entry["Subnet"], "subnet")
    if any(subnet.version == other.version and subnet.overlaps(other) for other in taken.networks):
        raise PermissionDenied("invalid pool request: Pool overlaps with other one on this address space")
    within = parse(entry["IPRange"], "ip-range") if entry.get("IPRange") else None
    if within is not None and (within.version != subnet.version or not within.subnet_of(subnet)):  # type: ignore[arg-type]  # one version by now
        raise InvalidArgument(f"invalid network config:\ninvalid ip-range {within}: it is not in subnet {subnet}")
    if not entry.get("Gateway"):
        return subnet, within, None
    try:
        gateway = ipaddress.ip_address(entry["Gateway"])
    except ValueError:
        raise InvalidArgument(f"invalid network config:\ninvalid gateway {entry['Gateway']}: not an address") from None
    if gateway not in subnet:
        raise InvalidArgument(f"no matching subnet for gateway {gateway}")
    return subnet, within, gateway
