"""Registry mirrors and insecure registries as a folder of hosts.toml, which a transfer's resolver is pointed at.

Mirrors stand for Docker Hub alone, as with dockerd. One that names no scheme is asked by https.
"""

import ipaddress
import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.images.reference import DEFAULT_DOMAIN
from proto.errdefs import InvalidArgument

_HUB = "https://registry-1.docker.io"


@dataclass(slots=True)
class Access:
    """How registries are reached: those that may speak plain http, Docker Hub's mirrors, and their folder.

    Everybody who talks to registries holds the same object, which a reload of the configuration changes.
    """

    insecure: Collection[str] = ()
    mirrors: tuple[str, ...] = ()
    folder: str = ""

    def is_insecure(self, host: str) -> bool:
        """May it answer by plain http: one of the configuration's, and this host always."""
        address = _address(host)
        return self.names(host) or _name(host) == "localhost" or (address is not None and address.is_loopback)

    def names(self, host: str) -> bool:
        """Is it one of the configuration's, by its name or by its address in a network."""
        address = _address(host)
        return host in self.insecure or (
            address is not None and any(address in network for network in networks(self.insecure))
        )

    def become(self, other: "Access") -> None:
        """The configuration has changed."""
        self.insecure, self.mirrors, self.folder = other.insecure, other.mirrors, other.folder


def networks(insecure: Collection[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Those of the insecure registries that are whole networks."""
    return [ipaddress.ip_network(text, strict=False) for text in insecure if "/" in text]


def _name(host: str) -> str:
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(_name(host))
    except ValueError:
        return None


PLAIN = Access()  # every registry by https, and none stands for another


def access(folder: str, insecure: Collection[str], mirrors: Sequence[str]) -> Access:
    """What the configuration says, with the mirrors' folder written."""
    for text in insecure:
        check_insecure(text)
    checked = tuple(map(check_mirror, mirrors))
    return Access(insecure, checked, write(folder, checked))


def check_insecure(text: str) -> None:
    """A host, with or without its port, or a network; the refusal is dockerd's."""
    if "/" not in text:
        return
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        scheme = next((word for word in ("http://", "https://") if text.lower().startswith(word)), "")
        raise InvalidArgument(
            f"insecure registry {text} should not contain '{scheme}'"
            if scheme
            else f'insecure registry {text} is not valid: invalid host "{text}"'
        ) from None


def check_mirror(text: str) -> str:
    """A mirror's URL; the refusals are dockerd's."""
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme not in ("http", "https"):
        raise InvalidArgument(f'invalid mirror: unsupported scheme "{parts.scheme}" in "{text}"')
    if not parts.netloc:
        raise InvalidArgument(f'invalid mirror: "{text}" is not a valid URI: no host specified')
    if parts.query or parts.fragment:
        raise InvalidArgument(f'invalid mirror: query or fragment at end of the URI "{text}"')
    if parts.username:
        raise InvalidArgument('invalid mirror: username/password not allowed in URI "***"')
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def document(mirrors: Sequence[str]) -> str:
    """Docker Hub's hosts.toml."""
    lines = [f"server = {json.dumps(_HUB)}"]
    for mirror in mirrors:
        lines += [f"[host.{json.dumps(mirror)}]", '  capabilities = ["pull", "resolve"]']
    return "\n".join(lines) + "\n"


def write(folder: str, mirrors: Sequence[str]) -> str:
    """Write the folder; answers it, or "" where there are no mirrors and nothing to say."""
    if not mirrors:
        return ""
    text = document(mirrors)
    place = os.path.join(folder, DEFAULT_DOMAIN)
    os.makedirs(place, exist_ok=True)
    temporary = os.path.join(place, ".hosts.toml")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(temporary, os.path.join(place, "hosts.toml"))
    return folder
