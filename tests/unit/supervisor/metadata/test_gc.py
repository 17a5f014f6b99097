"""What must be kept: labels as edges, and reachability."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.metadata.gc import Graph, Node, Type, back_references, expired, garbage, reachable, references


def test_labels_refer_forward() -> None:
    """With and without a name behind the label."""
    labels = {
        "containerd.io/gc.ref.content": "d1",
        "containerd.io/gc.ref.content.config": "d2",
        "containerd.io/gc.ref.content/m.0": "d3",
        "containerd.io/gc.ref.contentious": "no",
        "containerd.io/gc.ref.snapshot.overlayfs": "s1",
        "containerd.io/gc.ref.snapshot.native/x": "s2",
        "containerd.io/gc.ref.image.a": "i1",
        "other": "no",
    }
    assert set(references("ns", labels)) == {
        Node(Type.CONTENT, "ns", "d1"),
        Node(Type.CONTENT, "ns", "d2"),
        Node(Type.CONTENT, "ns", "d3"),
        Node(Type.SNAPSHOT, "ns", "overlayfs/s1"),
        Node(Type.SNAPSHOT, "ns", "native/s2"),
        Node(Type.IMAGE, "ns", "i1"),
    }


def test_labels_refer_back() -> None:
    """The object attaches itself to another's life."""
    labels = {
        "containerd.io/gc.bref.container": "c1",
        "containerd.io/gc.bref.content.x": "d1",
        "containerd.io/gc.bref.image/x": "i1",
        "containerd.io/gc.bref.snapshot.overlayfs/x": "s1",
        "containerd.io/gc.bref.imagery": "no",
    }
    assert set(back_references("ns", labels)) == {
        Node(Type.CONTAINER, "ns", "c1"),
        Node(Type.CONTENT, "ns", "d1"),
        Node(Type.IMAGE, "ns", "i1"),
        Node(Type.SNAPSHOT, "ns", "overlayfs/s1"),
    }


def test_a_root_label_counts_on_content_and_snapshots_only() -> None:
    """Containers are roots anyway, images by their expiry."""
    graph = Graph()
    for kind in (Type.CONTENT, Type.SNAPSHOT, Type.IMAGE):
        graph.connect_labels(Node(kind, "ns", "x"), {"containerd.io/gc.root": "now"})
    assert graph.roots == [Node(Type.CONTENT, "ns", "x"), Node(Type.SNAPSHOT, "ns", "x")]


def test_a_flat_node_keeps_what_it_stands_for() -> None:
    """And nothing behind its labels."""
    parent, child = Node(Type.CONTENT, "ns", "parent"), Node(Type.CONTENT, "ns", "child")
    graph = Graph(roots=[parent._replace(type=Type.CONTENT_FLAT)], collectable=[parent, child])
    graph.connect(parent, child)
    assert garbage(graph) == [child]


def test_circles_end() -> None:
    """A tree of content may be tied into a knot."""
    a, b = Node(Type.CONTENT, "ns", "a"), Node(Type.CONTENT, "ns", "b")
    graph = Graph(collectable=[a, b])
    graph.connect(a, b)
    graph.connect(b, a)
    assert garbage(graph) == [a, b]
    graph.roots.append(b)
    assert garbage(graph) == []


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8))), st.sets(st.integers(0, 8)))
def test_nothing_that_a_kept_node_refers_to_is_garbage(edges: list[tuple[int, int]], roots: set[int]) -> None:
    """Whatever the graph looks like."""
    nodes = [Node(Type.CONTENT, "ns", str(number)) for number in range(9)]
    graph = Graph(roots=[nodes[root] for root in roots], collectable=nodes)
    for source, target in edges:
        graph.connect(nodes[source], nodes[target])
    kept = set(nodes) - set(garbage(graph))
    assert kept >= set(graph.roots)
    assert all(nodes[target] in kept for source, target in edges if nodes[source] in kept)
    assert kept == reachable(graph.roots, lambda node: graph.edges.get(node, []))


@pytest.mark.parametrize(
    ("expiry", "verdict"),
    [
        ("2026-01-01T00:00:00Z", True),
        ("2026-01-01T00:00:00.123456789+02:00", True),
        ("2027-01-01T00:00:00Z", False),
        ("2026-06-01T02:00:01+02:00", False),
        ("tomorrow", None),
        ("2026-01-01T00:00:00", None),
        ("", None),
    ],
)
def test_an_expiry_is_a_time_with_a_zone(expiry: str, verdict: bool | None) -> None:
    """What is none counts for nothing."""
    assert expired(expiry, datetime(2026, 6, 1, tzinfo=UTC)) is verdict
