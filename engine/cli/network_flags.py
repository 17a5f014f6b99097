"""`--network` of run and create, once or several times, short or long, as the API's EndpointsConfig. Pure.

    --network web
    --network name=web,alias=a,alias=b,ip=10.0.0.2,ip6=…,mac-address=…,link-local-ip=…,driver-opt=K=V,gw-priority=1

What `--network-alias`, `--ip` and their like say is of the first, unless that says it itself.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from engine.cli.errors import CommandFailed

Body = dict[str, Any]

_ONE = ("ip", "ip6", "mac-address")
_SHORT = {  # flag → the long form's word, and what dockerd's client calls it
    "network_alias": ("alias", "--network-alias", "alias"),
    "ip": ("ip", "--ip", "IPv4 address"),
    "ip6": ("ip6", "--ip6", "IPv6 address"),
    "mac_address": ("mac-address", "--mac-address", "MAC address"),
    "link_local_ip": ("link-local-ip", "--link-local-ip", "link-local IP addresses"),
}


class Attached(NamedTuple):
    """One network."""

    name: str
    words: dict[str, list[str]]

    def endpoint(self) -> Body:
        """What the API is told of it; nothing where nothing was said."""
        one = {word: self.words[word][0] for word in _ONE if word in self.words}
        addresses = {
            "IPv4Address": one.get("ip"),
            "IPv6Address": one.get("ip6"),
            "LinkLocalIPs": self.words.get("link-local-ip"),
        }
        found = {
            "Aliases": self.words.get("alias"),
            "MacAddress": one.get("mac-address"),
            "IPAMConfig": {key: value for key, value in addresses.items() if value},
            "DriverOpts": driver_options(self.words.get("driver-opt", ())),
            "GwPriority": _priority(self.words["gw-priority"][0]) if "gw-priority" in self.words else None,
        }
        return {key: value for key, value in found.items() if value}


def networks(flags: Body) -> list[Attached]:
    """The networks in their order; the default one where none is named."""
    found = [_read(text) for text in flags["network"]] or [Attached("", {})]
    for flag, (word, shown, called) in _SHORT.items():
        said = [*flags[flag]] if isinstance(flags[flag], tuple | list) else [flags[flag]] if flags[flag] else []
        if said and word in found[0].words:
            raise CommandFailed(f"conflicting options: cannot specify both {shown} and per-network {called}", 125)
        if said:
            found[0].words[word] = said
    return found


def mode(flags: Body) -> str:
    """NetworkMode: the first."""
    return networks(flags)[0].name or "default"


def networking(flags: Body) -> Body:
    """NetworkingConfig; nothing, where the mode says it all."""
    found = networks(flags)
    endpoints = {one.name or "default": one.endpoint() for one in found}
    if len(endpoints) < len(found):
        raise CommandFailed("network is specified multiple times", 125)
    return {"EndpointsConfig": endpoints} if len(found) > 1 or any(endpoints.values()) else {}


def driver_options(pairs: Sequence[str]) -> dict[str, str]:
    """`KEY=VALUE`; keys in small letters, as docker's client sends them."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise CommandFailed("invalid key value pair format in driver options", 125)
        found[key.strip().lower()] = value.strip()
    return found


def _read(text: str) -> Attached:
    if "=" not in text:
        return Attached(text, {})
    words: dict[str, list[str]] = {}
    for part in text.split(","):
        key, _, value = part.partition("=")
        if key not in ("name", "alias", *_ONE, "link-local-ip", "driver-opt", "gw-priority"):
            raise CommandFailed(f"invalid field key {key} in --network", 125)
        words.setdefault(key, []).append(value)
    return Attached(words.pop("name", [""])[0], words)


def _priority(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise CommandFailed(f'invalid gw-priority ("{text}"): must be an integer', 125) from None
