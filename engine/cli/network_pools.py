"""`--subnet --ip-range --gateway --aux-address` of `network create` as the API's IPAM.Config. Pure.

Whatever is said belongs to the subnet that contains it, whichever place it has on the command line.
"""

import ipaddress
from collections.abc import Sequence
from typing import Any

from engine.cli.container_config import key_values
from engine.cli.errors import CommandFailed

Pool = dict[str, Any]


def pools(subnets: Sequence[str], ranges: Sequence[str], gateways: Sequence[str], aux: Sequence[str]) -> list[Pool]:
    """An entry for each subnet, in their order."""
    if len(subnets) < max(len(ranges), len(gateways)):
        raise CommandFailed("every ip-range or gateway must have a corresponding subnet")
    found: list[Pool] = []
    for text in subnets:
        if any(_contains(text, one["Subnet"]) or _contains(one["Subnet"], text) for one in found):
            raise CommandFailed("multiple overlapping subnet configuration is not supported")
        found.append({"Subnet": text})
    for key, values, word, many in (
        ("IPRange", ranges, "range", "multiple ranges ({}, {}) on"),
        ("Gateway", gateways, "gateway", "multiple gateways ({}, {}) for"),
    ):
        for value in values:
            pool = _pool_of(found, value, word)
            if key in pool:
                raise CommandFailed(
                    f"cannot configure {many.format(value, pool[key])} the same subnet ({pool['Subnet']})"
                )
            pool[key] = value
    for name, value in key_values(aux).items():
        _pool_of(found, value, "aux-address").setdefault("AuxiliaryAddresses", {})[name] = value
    return found


def _pool_of(found: list[Pool], value: str, word: str) -> Pool:
    pool = next((one for one in found if _contains(one["Subnet"], value)), None)
    if pool is None:
        raise CommandFailed(f"no matching subnet for {word} {value}")
    return pool


def _contains(subnet: str, text: str) -> bool:
    """Whether a subnet contains another's first address, or an address."""
    try:
        own, other = ipaddress.ip_network(subnet, strict=False), ipaddress.ip_interface(text).ip
    except ValueError as error:
        raise CommandFailed(f"invalid CIDR address: {error}") from None
    return other in own
