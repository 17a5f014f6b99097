"""linux.memoryPolicy in the kernel's numbers."""

from lowrt.spec.model import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

MODES = {
    "MPOL_DEFAULT": 0,
    "MPOL_PREFERRED": 1,
    "MPOL_BIND": 2,
    "MPOL_INTERLEAVE": 3,
    "MPOL_LOCAL": 4,
    "MPOL_PREFERRED_MANY": 5,
    "MPOL_WEIGHTED_INTERLEAVE": 6,
}
FLAGS = {"MPOL_F_NUMA_BALANCING": 1 << 13, "MPOL_F_RELATIVE_NODES": 1 << 14, "MPOL_F_STATIC_NODES": 1 << 15}
MOST_NODES = 1024  # as many as kernels are built for


def parse(document: "Json") -> tuple[int, int]:
    """(mode with flags, the set of nodes as a number); SpecError names what is unknown."""
    name = document.get("mode") or ""
    if name not in MODES:
        raise SpecError(f"invalid memory policy mode {name!r}")
    mode = MODES[name]
    for flag in document.get("flags") or ():
        if flag not in FLAGS:
            raise SpecError(f"invalid memory policy flag {flag!r}")
        mode |= FLAGS[flag]
    return mode, _nodes(document.get("nodes") or "")


def _nodes(text: str) -> int:
    """A list such as "0-2,5"."""
    nodes = 0
    for part in text.split(",") if text else ():
        first, separator, last = part.strip().partition("-")
        try:
            low, high = int(first), int(last if separator else first)
        except ValueError:
            raise SpecError(f"invalid memory policy nodes {text!r}") from None
        if not 0 <= low <= high < MOST_NODES:
            raise SpecError(f"invalid memory policy nodes {text!r}")
        nodes |= (1 << (high + 1)) - (1 << low)
    return nodes
