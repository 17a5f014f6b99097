"""Platforms: their normal form, and which images run where. Pure but for the host's own platform."""

import functools
import os

from supervisor.core.digests import Platform

_ARCHITECTURES = {"i386": "386", "i686": "386", "x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_ARMS = {"armhf": "v7", "armel": "v6", "armv7l": "v7", "armv6l": "v6", "armv8l": "v8"}
_ARM_VARIANTS = ("v8", "v7", "v6", "v5")


def normalize(platform: Platform) -> Platform:
    """The one spelling of a platform: amd64/v1 and arm64/v8 have no variant, arm has v7 for want of one."""
    system = "darwin" if platform.os.lower() == "macos" else platform.os.lower() or "linux"
    architecture = platform.architecture.lower()
    variant = platform.variant.lower()
    if architecture in _ARMS:
        architecture, variant = "arm", variant or _ARMS[architecture]
    architecture = _ARCHITECTURES.get(architecture, architecture)
    if variant and variant[0].isdigit():
        variant = "v" + variant
    if (architecture, variant) in (("amd64", "v1"), ("arm64", "v8"), ("arm64", "v8.0")):
        variant = ""
    if architecture == "arm" and not variant:
        variant = "v7"
    return Platform(system, architecture, variant, platform.os_version)


@functools.cache
def host() -> Platform:
    """The platform we run on."""
    machine = os.uname().machine
    variant = f"v{_x86_level()}" if machine == "x86_64" else ""
    return normalize(Platform("linux", machine, variant))


def _x86_level() -> int:
    """The x86-64 level by /proc/cpuinfo's flags (psABI)."""
    levels = (
        {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"},
        {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
        {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    )
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            flags = next((set(line.split()) for line in file if line.startswith("flags")), set())
    except FileNotFoundError:
        return 1
    level = 1
    for wanted in levels:
        if not wanted <= flags:
            break
        level += 1
    return level


def candidates(wanted: Platform) -> list[Platform]:
    """What runs on a platform, best first: itself, then its lesser variants, then what it emulates in hardware."""
    wanted = normalize(wanted)
    found = [wanted]

    def add(architecture: str, variant: str) -> None:
        found.append(normalize(Platform(wanted.os, architecture, variant, wanted.os_version)))

    if wanted.architecture == "amd64":
        level = int(wanted.variant[1:]) if wanted.variant[1:].isdecimal() else 1
        for lesser in range(level - 1, 0, -1):
            add("amd64", f"v{lesser}")
        add("386", "")
    elif wanted.architecture == "arm" and wanted.variant in _ARM_VARIANTS:
        for variant in _ARM_VARIANTS[_ARM_VARIANTS.index(wanted.variant) + 1 :]:
            add("arm", variant)
    elif wanted.architecture == "arm64":
        for variant in _ARM_VARIANTS:
            add("arm", variant)
    return found


def rank(wanted: Platform, actual: Platform) -> int | None:
    """How well an image suits a platform: 0 is best, None not at all."""
    plain = normalize(actual)
    for position, candidate in enumerate(candidates(wanted)):
        if (plain.os, plain.architecture, plain.variant) == (candidate.os, candidate.architecture, candidate.variant):
            return position
    return None


def text(platform: Platform) -> str:
    """`os/architecture[/variant]`."""
    return "/".join(part for part in (platform.os, platform.architecture, platform.variant) if part)
