"""Digests and descriptors: `algorithm:hex`, and the OCI descriptor that points at content."""

import re
from dataclasses import dataclass, field

HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_FORMAT = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+\Z")
_HEX = re.compile(r"[0-9a-f]+\Z")


def digest_problem(digest: str) -> str | None:
    """Why this is no digest, in the words of the original's library; None when it is one."""
    if not _FORMAT.match(digest):
        return "invalid checksum digest format"
    algorithm, _, encoded = digest.partition(":")
    length = HEX_LENGTHS.get(algorithm)
    if length is None:
        return "unsupported digest algorithm"
    if len(encoded) != length:
        return "invalid checksum digest length"
    if not _HEX.match(encoded):
        return "invalid checksum digest format"
    return None


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform of an image manifest."""

    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = ""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """An OCI content descriptor."""

    media_type: str = ""
    digest: str = ""
    size: int = 0
    annotations: dict[str, str] = field(default_factory=dict)
    platform: Platform | None = None
