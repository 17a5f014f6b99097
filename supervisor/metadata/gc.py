"""What must be kept: the graph of references, and what is reachable from its roots. Pure; `graph.py` reads the records.

Labels make edges, as containerd has them:

    containerd.io/gc.root                               on content, snapshots: a root
    containerd.io/gc.ref.content[.<any>|/<any>]         → content of that digest
    containerd.io/gc.ref.snapshot.<snapshotter>[/<any>] → snapshot of that name
    containerd.io/gc.ref.image[.<any>|/<any>]           → image of that name
    containerd.io/gc.bref.{container,content,image}…    ← the named object refers to this one
    containerd.io/gc.bref.snapshot.<snapshotter>[/<any>]
    containerd.io/gc.expire                             a time (RFC 3339): an expired image or lease is no root any more
    containerd.io/gc.flat                               on leases: hold only what is named, not what that refers to
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

from supervisor.core.labels import (
    GC_BREF_CONTAINER,
    GC_BREF_CONTENT,
    GC_BREF_IMAGE,
    GC_BREF_SNAPSHOT,
    GC_REF_CONTENT,
    GC_REF_IMAGE,
    GC_REF_SNAPSHOT,
    GC_ROOT,
)


class Type(IntEnum):
    """What a node is; the flat ones are kept, but their labels are not followed."""

    CONTENT = 1
    SNAPSHOT = 2
    CONTAINER = 3
    IMAGE = 4
    LEASE = 5
    INGEST = 6
    SANDBOX = 7
    CONTENT_FLAT = 11
    SNAPSHOT_FLAT = 12
    IMAGE_FLAT = 14


UNFLATTENED = {
    Type.CONTENT_FLAT: Type.CONTENT,
    Type.SNAPSHOT_FLAT: Type.SNAPSHOT,
    Type.IMAGE_FLAT: Type.IMAGE,
}


class Node(NamedTuple):
    """An object; a snapshot's key is `<snapshotter>/<name>`."""

    type: Type
    namespace: str
    key: str


@dataclass(slots=True)
class Graph:
    """Roots, edges, and everything that could be removed."""

    roots: list[Node] = field(default_factory=list)
    edges: dict[Node, list[Node]] = field(default_factory=dict)
    collectable: list[Node] = field(default_factory=list)

    def connect(self, source: Node, target: Node) -> None:
        self.edges.setdefault(source, []).append(target)

    def connect_labels(self, node: Node, labels: Mapping[str, str]) -> None:
        """Both directions, and the root label where it counts."""
        for target in references(node.namespace, labels):
            self.connect(node, target)
        for source in back_references(node.namespace, labels):
            self.connect(source, node)
        if node.type in (Type.CONTENT, Type.SNAPSHOT) and any(key.startswith(GC_ROOT) for key in labels):
            self.roots.append(node)


def references(namespace: str, labels: Mapping[str, str]) -> Iterator[Node]:
    """What an object with these labels refers to."""
    for key, value in labels.items():
        if _named(key, GC_REF_CONTENT):
            yield Node(Type.CONTENT, namespace, value)
        elif _named(key, GC_REF_IMAGE):
            yield Node(Type.IMAGE, namespace, value)
        elif key.startswith(GC_REF_SNAPSHOT):
            yield Node(Type.SNAPSHOT, namespace, f"{_snapshotter(key, GC_REF_SNAPSHOT)}/{value}")


def back_references(namespace: str, labels: Mapping[str, str]) -> Iterator[Node]:
    """What refers to an object because the object says so."""
    for key, value in labels.items():
        if _named(key, GC_BREF_CONTAINER):
            yield Node(Type.CONTAINER, namespace, value)
        elif _named(key, GC_BREF_CONTENT):
            yield Node(Type.CONTENT, namespace, value)
        elif _named(key, GC_BREF_IMAGE):
            yield Node(Type.IMAGE, namespace, value)
        elif key.startswith(GC_BREF_SNAPSHOT):
            yield Node(Type.SNAPSHOT, namespace, f"{_snapshotter(key, GC_BREF_SNAPSHOT)}/{value}")


def reachable(roots: Iterable[Node], edges: Callable[[Node], Iterable[Node]]) -> set[Node]:
    """Everything that the roots lead to, themselves included."""
    seen: set[Node] = set()
    pending = list(roots)
    while pending:
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            pending.extend(edges(node))
    return seen


def garbage(graph: Graph) -> list[Node]:
    """What nothing leads to."""
    marked = reachable(graph.roots, lambda node: graph.edges.get(node, ()))
    kept = {node._replace(type=UNFLATTENED.get(node.type, node.type)) for node in marked}
    return [node for node in graph.collectable if node not in kept]


def expired(expiry: str, now: datetime) -> bool | None:
    """Whether that time has passed; None when it is not a time, which then counts for nothing."""
    try:
        moment = datetime.fromisoformat(expiry)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return now.astimezone(UTC) > moment


def _named(key: str, label: str) -> bool:
    """The label itself, or with a name behind `.` or `/` that only keeps several apart."""
    return key.startswith(label) and (len(key) == len(label) or key[len(label)] in "./")


def _snapshotter(key: str, prefix: str) -> str:
    return key[len(prefix) :].partition("/")[0]
