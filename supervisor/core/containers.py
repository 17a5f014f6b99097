"""Containers: the record of what to run, not the running of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from supervisor.core.typed import TypedValue


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    """Which shim runs the container's tasks, and what it is told."""

    name: str = ""
    options: TypedValue | None = None


@dataclass(slots=True)
class Container:
    """`id`, `runtime.name`, `snapshotter` and `sandbox_id` never change after creation; the rest may."""

    id: str
    runtime: RuntimeInfo = field(default_factory=RuntimeInfo)  # required
    spec: TypedValue | None = None  # required
    image: str = ""
    snapshotter: str = ""  # required with snapshot_key
    snapshot_key: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, TypedValue] = field(default_factory=dict)
    sandbox_id: str = ""
    created_at: int = 0
    updated_at: int = 0


class ContainerStore(Protocol):
    """Container records, by id in a namespace."""

    def get(self, namespace: str, container_id: str) -> Container: ...

    def list(self, namespace: str, filters: Sequence[str] = ()) -> Iterator[Container]:
        """Filter fields: id, image, runtime.name, labels.<key>. Reads as it goes, so that a list can be streamed."""
        ...

    def create(self, namespace: str, container: Container) -> Container: ...

    def update(self, namespace: str, container: Container, fieldpaths: Sequence[str] = ()) -> Container:
        """Without fieldpaths all mutable fields are replaced, and a changed immutable one is refused."""
        ...

    def delete(self, namespace: str, container_id: str) -> None: ...
