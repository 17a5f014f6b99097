"""Leases: what a client is working with must not be collected under its hands."""

import contextvars
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

current_lease: contextvars.ContextVar[str] = contextvars.ContextVar("lease", default="")
"""The lease the caller named (gRPC header `containerd-lease`); new resources join it. `asyncio.to_thread` keeps it."""


@dataclass(slots=True)
class Lease:
    """Labels may make it expire (containerd.io/gc.expire) or hold only what is named (containerd.io/gc.flat)."""

    id: str
    labels: dict[str, str] = field(default_factory=dict)
    created_at: int = 0


@dataclass(frozen=True, slots=True)
class Resource:
    """`type` is content, ingests, images or snapshots/<snapshotter>; `id` a digest, a ref, a name or a key."""

    id: str
    type: str


class LeaseStore(Protocol):
    """Leases by id in a namespace."""

    def create(self, namespace: str, lease: Lease) -> Lease:
        """AlreadyExists when the id is taken; the id must be given."""
        ...

    def delete(self, namespace: str, lease_id: str) -> None: ...

    def list(self, namespace: str, filters: Sequence[str] = ()) -> list[Lease]:
        """Filter fields: id, labels.<key>."""
        ...

    def add_resource(self, namespace: str, lease_id: str, resource: Resource) -> None: ...

    def delete_resource(self, namespace: str, lease_id: str, resource: Resource) -> None: ...

    def list_resources(self, namespace: str, lease_id: str) -> Sequence[Resource]: ...
