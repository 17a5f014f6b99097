"""`GET /system/df`: what is used, by kind, as each API version has it. Pure.

Until 1.51 the objects themselves; from 1.52 on sums by kind, and the objects in them where `verbose` asks for them.
1.52 and newer still answer the old fields to a client that does not ask for `verbose`, as dockerd does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Version = tuple[int, int]

_LEGACY = {"image": "Images", "container": "Containers", "volume": "Volumes", "build-cache": "BuildCache"}
_USAGE = {
    "image": "ImageUsage",
    "container": "ContainerUsage",
    "volume": "VolumeUsage",
    "build-cache": "BuildCacheUsage",
}
KINDS = tuple(_LEGACY)
_BUSY = ("running", "paused", "restarting")


@dataclass(frozen=True, slots=True)
class Usage:
    """The objects of a kind, and what they take together."""

    items: list[Json]
    size: int
    active: int
    reclaimable: int

    def summary(self, *, verbose: bool) -> Json:
        """One kind as of 1.52: zeros are left out."""
        document: Json = {
            "ActiveCount": self.active,
            "Items": self.items if verbose else [],
            "Reclaimable": self.reclaimable,
            "TotalCount": len(self.items),
            "TotalSize": self.size,
        }
        return {name: value for name, value in document.items() if value}


def images(items: list[Json], layers_size: int) -> Usage:
    """Those that no container was made of can go, with what no other image has of them."""
    unused = [one for one in items if one["Containers"] == 0]
    return Usage(
        items,
        layers_size,
        sum(one["Containers"] > 0 for one in items),
        sum(one["Size"] - max(one["SharedSize"], 0) for one in unused),
    )


def containers(items: list[Json]) -> Usage:
    """Those that are down can go."""
    busy = [one for one in items if one["State"] in _BUSY]
    size = sum(one.get("SizeRw") or 0 for one in items)
    return Usage(items, size, len(busy), size - sum(one.get("SizeRw") or 0 for one in busy))


def volumes(items: list[Json]) -> Usage:
    """Those that no container has can go."""
    used = [one for one in items if one["UsageData"]["RefCount"]]
    size = sum(max(one["UsageData"]["Size"], 0) for one in items)
    return Usage(items, size, len(used), size - sum(max(one["UsageData"]["Size"], 0) for one in used))


def build_cache(items: list[Json]) -> Usage:
    """Records that nobody uses and that are not shared can go."""
    size = sum(one.get("Size") or 0 for one in items)
    free = sum(one.get("Size") or 0 for one in items if not one.get("InUse") and not one.get("Shared"))
    return Usage(items, size, sum(bool(one.get("InUse")) for one in items), free)


def document(usage: Mapping[str, Usage], version: Version, *, verbose: bool) -> Json:
    """The answer about the kinds that were asked for."""
    verbose = verbose and version >= (1, 52)
    done: Json = {}
    if not verbose:
        done["LayersSize"] = usage["image"].size if "image" in usage else 0
        done |= {name: usage[kind].items if kind in usage else None for kind, name in _LEGACY.items()}
        if version >= (1, 52):
            done = {name: value for name, value in done.items() if value is not None and value != 0}
    if version >= (1, 52):
        done |= {_USAGE[kind]: one.summary(verbose=verbose) for kind, one in usage.items()}
    return done
