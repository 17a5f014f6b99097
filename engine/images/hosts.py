"""Registry mirrors and insecure registries as a folder of hosts.toml, which a transfer's resolver is pointed at.

Mirrors stand for Docker Hub alone, as with dockerd. One that names no scheme is asked by https.
"""

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.images.reference import DEFAULT_DOMAIN
from proto.errdefs import InvalidArgument

_HUB = "https://registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class Access:
    """How registries are reached: those that may speak plain http, Docker Hub's mirrors, and their folder."""

    insecure: Collection[str] = ()
    mirrors: tuple[str, ...] = ()
    folder: str = ""


PLAIN = Access()  # every registry by https, and none stands for another


def access(folder: str, insecure: Collection[str], mirrors: Sequence[str]) -> Access:
    """What the configuration says, with the mirrors' folder written."""
    checked = tuple(map(check_mirror, mirrors))
    return Access(insecure, checked, write(folder, checked))


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
