"""Reads the records of all namespaces as one graph for the garbage collector."""

# ruff: noqa: S608 -- only constants of this module are put into SQL text

import logging
import sqlite3
from datetime import UTC, datetime

from supervisor.core.labels import GC_EXPIRE, GC_FLAT
from supervisor.metadata.gc import Graph, Node, Type, expired
from supervisor.metadata.rows import decode_map, now

logger = logging.getLogger(__name__)

# Most objects carry no label of the collector's: those of the others are not worth decoding.
_LABELS = "CASE WHEN instr(labels, 'containerd.io/gc.') THEN labels ELSE '{}' END"


def load_graph(connection: sqlite3.Connection) -> Graph:
    """All that the collector must know, as of one moment."""
    graph = Graph()
    for load in (_leases, _images, _ingests, _content, _containers, _snapshots, _sandboxes):
        load(connection, graph)
    return graph


def _leases(connection: sqlite3.Connection, graph: Graph) -> None:
    alive: dict[tuple[str, str], bool] = {}
    for namespace, lease, text in connection.execute(f"SELECT namespace, id, {_LABELS} FROM leases"):
        labels = decode_map(text)
        node = Node(Type.LEASE, namespace, lease)
        graph.collectable.append(node)
        if _has_expired(labels, "lease", lease):
            continue
        graph.roots.append(node)
        alive[namespace, lease] = GC_FLAT in labels
    for namespace, lease, kind, key in connection.execute("SELECT namespace, lease, type, id FROM lease_resources"):
        if (namespace, lease) in alive:
            graph.roots.append(_leased(namespace, kind, key, flat=alive[namespace, lease]))


def _leased(namespace: str, kind: str, key: str, *, flat: bool) -> Node:
    if kind == "content":
        return Node(Type.CONTENT_FLAT if flat else Type.CONTENT, namespace, key)
    if kind == "images":
        return Node(Type.IMAGE_FLAT if flat else Type.IMAGE, namespace, key)
    if kind == "ingests":
        return Node(Type.INGEST, namespace, key)
    snapshotter = kind.partition("/")[2]
    return Node(Type.SNAPSHOT_FLAT if flat else Type.SNAPSHOT, namespace, f"{snapshotter}/{key}")


def _images(connection: sqlite3.Connection, graph: Graph) -> None:
    for namespace, name, digest, text in connection.execute(f"SELECT namespace, name, digest, {_LABELS} FROM images"):
        labels = decode_map(text)
        node = Node(Type.IMAGE, namespace, name)
        graph.collectable.append(node)
        if not _has_expired(labels, "image", name):
            graph.roots.append(node)
        graph.connect(node, Node(Type.CONTENT, namespace, digest))
        graph.connect(Node(Type.IMAGE_FLAT, namespace, name), Node(Type.CONTENT_FLAT, namespace, digest))
        graph.connect_labels(node, labels)


def _ingests(connection: sqlite3.Connection, graph: Graph) -> None:
    for namespace, ref, expected, expire_at in connection.execute(
        "SELECT namespace, ref, expected, expire_at FROM ingests"
    ):
        node = Node(Type.INGEST, namespace, ref)
        graph.collectable.append(node)
        if expire_at is not None and expire_at > now():
            graph.roots.append(node)
        if expected:
            graph.connect(node, Node(Type.CONTENT, namespace, expected))


def _content(connection: sqlite3.Connection, graph: Graph) -> None:
    for namespace, digest, text in connection.execute(f"SELECT namespace, digest, {_LABELS} FROM blobs"):
        node = Node(Type.CONTENT, namespace, digest)
        graph.collectable.append(node)
        graph.connect_labels(node, decode_map(text))


def _containers(connection: sqlite3.Connection, graph: Graph) -> None:
    for namespace, container, snapshotter, key, text in connection.execute(
        f"SELECT namespace, id, snapshotter, snapshot_key, {_LABELS} FROM containers"
    ):
        node = Node(Type.CONTAINER, namespace, container)
        graph.roots.append(node)
        if snapshotter:
            graph.connect(node, Node(Type.SNAPSHOT, namespace, f"{snapshotter}/{key}"))
        graph.connect_labels(node, decode_map(text))


def _snapshots(connection: sqlite3.Connection, graph: Graph) -> None:
    for namespace, snapshotter, name, parent, text in connection.execute(
        f"SELECT namespace, snapshotter, name, parent, {_LABELS} FROM snapshots"
    ):
        node = Node(Type.SNAPSHOT, namespace, f"{snapshotter}/{name}")
        graph.collectable.append(node)
        graph.connect_labels(node, decode_map(text))
        if parent:
            graph.connect(node, Node(Type.SNAPSHOT, namespace, f"{snapshotter}/{parent}"))
            graph.connect(
                Node(Type.SNAPSHOT_FLAT, namespace, f"{snapshotter}/{name}"),
                Node(Type.SNAPSHOT_FLAT, namespace, f"{snapshotter}/{parent}"),
            )


def _sandboxes(connection: sqlite3.Connection, graph: Graph) -> None:
    for namespace, sandbox, text in connection.execute(f"SELECT namespace, id, {_LABELS} FROM sandboxes"):
        node = Node(Type.SANDBOX, namespace, sandbox)
        graph.roots.append(node)
        graph.connect_labels(node, decode_map(text))


def _has_expired(labels: dict[str, str], noun: str, key: str) -> bool:
    if not (expiry := labels.get(GC_EXPIRE)):
        return False
    verdict = expired(expiry, datetime.now(UTC))
    if verdict is None:
        logger.info("ignoring invalid expiration value %r of %s %s", expiry, noun, key)
    return bool(verdict)
