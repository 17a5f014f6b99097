"""On which NUMA nodes the process's memory is, set_mempolicy(2); execve(2) keeps it."""

from lowrt.errors import Fault, reason_of
from lowrt.linux.process import set_memory_policy
from lowrt.spec.memory_policy import MOST_NODES, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]


def apply(document: "Json | None") -> None:
    """Set this process's policy, if one is asked for."""
    if not document:
        return
    mode, nodes = parse(document)
    try:
        set_memory_policy(mode, nodes.to_bytes(MOST_NODES // 8, "little") if nodes else b"")
    except OSError as error:
        raise Fault(f"unable to set memory policy: {reason_of(error)}") from error
