"""Snapshots: layered file systems, made of an active one that is written and committed ones that others build on.

A `Snapshotter` is one driver and knows no namespace: its keys are unique over all of them. `SnapshotStore` is what the
services use: it gives each namespace its own names and labels, keeps leases, and picks the driver by name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

REBASE = "rebase"  # a capability: an active snapshot made without a parent can be given one when it is committed


class Kind(IntEnum):
    """The numbers are those of containerd.services.snapshots.v1.Kind."""

    UNKNOWN = 0
    VIEW = 1
    ACTIVE = 2
    COMMITTED = 3


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount(8) line; `target` is a sub-folder of the mount point, usually empty."""

    type: str
    source: str
    options: tuple[str, ...] = ()
    target: str = ""


@dataclass(slots=True)
class Info:
    """A snapshot; only `labels` may change."""

    name: str
    kind: Kind = Kind.UNKNOWN
    parent: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    created_at: int = 0
    updated_at: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Disk blocks taken, in bytes, and inodes; parents not counted."""

    size: int = 0
    inodes: int = 0


class Snapshotter(Protocol):
    """One driver. `usage remove cleanup commit` and, with native, `prepare` may take long: call them from a thread."""

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What it can do beyond this protocol, in containerd's words."""
        ...

    def stat(self, key: str) -> Info: ...

    def update(self, info: Info, fieldpaths: Sequence[str] = ()) -> Info: ...

    def usage(self, key: str) -> Usage: ...

    def mounts(self, key: str) -> list[Mount]: ...

    def prepare(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> list[Mount]: ...

    def view(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> list[Mount]: ...

    def commit(self, name: str, key: str, labels: Mapping[str, str] | None = None, parent: str | None = None) -> None:
        """`parent`, when given, becomes the committed snapshot's parent, where the active one had none ("rebase")."""
        ...

    def remove(self, key: str) -> None:
        """FailedPrecondition while it has children."""
        ...

    def walk(self) -> Iterator[Info]: ...

    def cleanup(self) -> None:
        """Remove what lies on disk and belongs to no snapshot."""
        ...

    def close(self) -> None: ...


class SnapshotStore(Protocol):
    """All drivers, seen from a namespace; the same verbs, with namespace and driver's name in front."""

    def capabilities(self, snapshotter: str) -> tuple[str, ...]: ...

    def stat(self, namespace: str, snapshotter: str, key: str) -> Info: ...

    def update(self, namespace: str, snapshotter: str, info: Info, fieldpaths: Sequence[str] = ()) -> Info: ...

    def usage(self, namespace: str, snapshotter: str, key: str) -> Usage: ...

    def mounts(self, namespace: str, snapshotter: str, key: str) -> list[Mount]: ...

    def prepare(
        self, namespace: str, snapshotter: str, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Mount]:
        """With the label containerd.io/snapshot.ref: AlreadyExists when a snapshot of that name is here already."""
        ...

    def view(
        self, namespace: str, snapshotter: str, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Mount]: ...

    def commit(
        self,
        namespace: str,
        snapshotter: str,
        name: str,
        key: str,
        labels: Mapping[str, str] | None = None,
        parent: str | None = None,
    ) -> None: ...

    def remove(self, namespace: str, snapshotter: str, key: str) -> None:
        """Take the name away now; the garbage collector removes the files."""
        ...

    def list(self, namespace: str, snapshotter: str, filters: Sequence[str] = ()) -> Iterator[Info]:
        """Filter fields: name, parent, kind, labels.<key>."""
        ...

    def cleanup(self, namespace: str, snapshotter: str) -> None: ...
