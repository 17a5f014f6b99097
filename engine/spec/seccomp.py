"""Docker's seccomp profile format → the OCI spec's: rules that depend on capabilities, architecture or kernel are
decided here.
"""

import functools
import json
import os
from collections.abc import Sequence
from typing import Any

from engine import jsontext
from proto.errdefs import InvalidArgument

Json = dict[str, Any]

_ARCHITECTURES = {
    "x86_64": ("amd64", "SCMP_ARCH_X86_64"),
    "aarch64": ("arm64", "SCMP_ARCH_AARCH64"),
    "riscv64": ("riscv64", "SCMP_ARCH_RISCV64"),
    "s390x": ("s390x", "SCMP_ARCH_S390X"),
    "ppc64le": ("ppc64le", "SCMP_ARCH_PPC64LE"),
    "loongarch64": ("loong64", "SCMP_ARCH_LOONGARCH64"),
}


@functools.cache
def default_profile() -> Json:
    """Docker's default profile, as data beside this file."""
    with open(os.path.join(os.path.dirname(__file__), "seccomp_default.json"), encoding="utf-8") as file:
        profile: Json = json.load(file)
    return profile


def parse_profile(text: str) -> Json:
    """A profile that a client sent (`--security-opt seccomp=<json>`)."""
    try:
        profile = jsontext.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"Decoding seccomp profile failed: {error}") from None
    if not isinstance(profile, dict) or "defaultAction" not in profile:
        raise InvalidArgument("Decoding seccomp profile failed: defaultAction is missing")
    if profile.get("archMap") and profile.get("architectures"):
        raise InvalidArgument("both 'architectures' and 'archMap' are specified in the seccomp profile, use only one")
    return profile


def to_oci(profile: Json, capabilities: Sequence[str], *, machine: str, kernel: tuple[int, int]) -> Json:
    """The filter for a container with these capabilities on this host."""
    go_name, architecture = _ARCHITECTURES.get(machine, (machine, ""))
    done: Json = {"defaultAction": profile["defaultAction"]}
    if profile.get("defaultErrnoRet") is not None:
        done["defaultErrnoRet"] = profile["defaultErrnoRet"]
    architectures = profile.get("architectures") or [
        name
        for entry in profile.get("archMap") or ()
        if entry["architecture"] == architecture
        for name in (entry["architecture"], *(entry.get("subArchitectures") or ()))
    ]
    if architectures:
        done["architectures"] = list(architectures)
    for key in ("flags", "listenerPath", "listenerMetadata"):
        if profile.get(key):
            done[key] = profile[key]
    done["syscalls"] = [
        _rule(rule) for rule in profile.get("syscalls") or () if _applies(rule, capabilities, go_name, kernel)
    ]
    return done


def _rule(rule: Json) -> Json:
    names = rule.get("names") or [rule["name"]]
    done: Json = {"names": list(names), "action": rule["action"]}
    if rule.get("errnoRet") is not None:
        done["errnoRet"] = rule["errnoRet"]
    if rule.get("args"):
        done["args"] = rule["args"]
    return done


def _applies(rule: Json, capabilities: Sequence[str], machine: str, kernel: tuple[int, int]) -> bool:
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    if includes.get("arches") and machine not in includes["arches"]:
        return False
    if machine in (excludes.get("arches") or ()):
        return False
    if any(name not in capabilities for name in includes.get("caps") or ()):
        return False
    if any(name in capabilities for name in excludes.get("caps") or ()):
        return False
    if includes.get("minKernel") and kernel < _version(includes["minKernel"]):
        return False
    return not (excludes.get("minKernel") and kernel >= _version(excludes["minKernel"]))


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)
