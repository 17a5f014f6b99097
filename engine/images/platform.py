"""Platforms, `os/arch/variant`: the host's own, what a client asked for, and which of an index's manifests fits.

Pure but for `host()`. Spellings: https://github.com/opencontainers/image-spec/blob/main/image-index.md and Go's GOARCH.
"""

import functools
import os
import re
from dataclasses import dataclass
from typing import Any

from engine import jsontext
from proto.containerd.types import platform_pb2
from proto.errdefs import InvalidArgument

_MACHINES = {  # uname -m, and what people write → (architecture, variant)
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", ""),
    "armv8l": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "armel": ("arm", "v6"),
    "mips64": ("mips64le", ""),
}
_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_RUNS_ALSO = {("arm64", "arm"): "v8", ("amd64", "386"): ""}  # (host, image) that a 64-bit kernel can run


@dataclass(frozen=True, slots=True)
class Platform:
    """One operating system on one kind of processor."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(word for word in (self.os, self.architecture, self.variant) if word)

    def to_proto(self) -> platform_pb2.Platform:
        return platform_pb2.Platform(os=self.os, architecture=self.architecture, variant=self.variant)

    def document(self) -> dict[str, str]:
        """As OCI's descriptors have it."""
        known = {"architecture": self.architecture, "os": self.os}
        return known | ({"variant": self.variant} if self.variant else {})

    def rank(self, other: "Platform") -> int | None:
        """How well an image for `other` suits this platform: 0 is best, None is not at all."""
        if self.os != other.os:
            return None
        if self.architecture == other.architecture:
            return _variant_rank(self.variant, other.variant)
        if (self.architecture, other.architecture) in _RUNS_ALSO:
            return 10 + (_variant_rank(_RUNS_ALSO[self.architecture, other.architecture], other.variant) or 0)
        return None


@functools.cache
def host() -> Platform:
    """The platform that this machine runs."""
    machine = os.uname().machine
    architecture, variant = _MACHINES.get(machine, (machine, ""))
    return normalise(Platform("linux", architecture, variant))


def parse(text: str) -> Platform:
    """Read `os/arch/variant`, `os`, `arch`, or the JSON object that newer clients send."""
    if text.lstrip().startswith("{"):
        return _from_json(text)
    words = text.split("/")
    if not 1 <= len(words) <= 3 or not all(_WORD.fullmatch(word) for word in words):
        raise InvalidArgument(f'"{text}": an operating system and architecture is expected: invalid argument')
    words = [word.lower() for word in words]
    if len(words) > 1:
        return normalise(Platform(*words))
    if words[0] in ("linux", "windows", "darwin", "freebsd"):
        return Platform(words[0], host().architecture, host().variant)
    architecture, variant = _MACHINES.get(words[0], (words[0], ""))
    return normalise(Platform("linux", architecture, variant))


def from_document(document: dict[str, Any]) -> Platform:
    """The platform of an image's config, or of a descriptor in an index."""
    return normalise(
        Platform(
            str(document.get("os") or "linux"),
            str(document.get("architecture") or ""),
            str(document.get("variant") or ""),
        )
    )


def normalise(platform: Platform) -> Platform:
    """One spelling for each: x86_64 is amd64, and arm64's v8 and arm's missing v7 go without saying."""
    architecture, variant = platform.architecture, platform.variant
    if architecture in _MACHINES:
        architecture, implied = _MACHINES[architecture]
        variant = variant or implied
    if architecture == "arm64" and variant in ("8", "v8"):
        variant = ""
    if architecture == "arm":
        variant = variant or "v7"
        variant = variant if variant.startswith("v") else f"v{variant}"
    if architecture == "amd64" and variant == "v1":
        variant = ""
    return Platform(platform.os, architecture, variant)


def _variant_rank(wanted: str, offered: str) -> int | None:
    if wanted == offered:
        return 0
    wanted_level, offered_level = _level(wanted), _level(offered)
    return wanted_level - offered_level if offered_level <= wanted_level else None


def _level(variant: str) -> int:
    digits = variant.lstrip("v").partition(".")[0]
    return int(digits) if digits.isdecimal() else 1


def _from_json(text: str) -> Platform:
    try:
        document = jsontext.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"failed to parse platform: {error}") from error
    if not isinstance(document, dict) or not document.get("os") or not document.get("architecture"):
        raise InvalidArgument("both OS and Architecture must be provided")
    return from_document(document)
