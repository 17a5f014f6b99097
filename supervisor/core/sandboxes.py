"""Sandboxes: the record of a group of containers that share namespaces."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from supervisor.core.containers import RuntimeInfo
from supervisor.core.typed import TypedValue


@dataclass(slots=True)
class Sandbox:
    """`sandboxer` names the controller that runs it; `id`, `runtime` and `sandboxer` do not change."""

    id: str
    runtime: RuntimeInfo = field(default_factory=RuntimeInfo)
    spec: TypedValue | None = None
    sandboxer: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, TypedValue] = field(default_factory=dict)
    created_at: int = 0
    updated_at: int = 0


class SandboxStore(Protocol):
    """Sandbox records, by id in a namespace."""

    def get(self, namespace: str, sandbox_id: str) -> Sandbox: ...

    def list(self, namespace: str, filters: Sequence[str] = ()) -> list[Sandbox]:
        """Filter fields: id, labels.<key>."""
        ...

    def create(self, namespace: str, sandbox: Sandbox) -> Sandbox: ...

    def update(self, namespace: str, sandbox: Sandbox, fieldpaths: Sequence[str] = ()) -> Sandbox: ...

    def delete(self, namespace: str, sandbox_id: str) -> None: ...
