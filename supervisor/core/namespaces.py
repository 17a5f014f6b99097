"""Namespaces: each has its own names for everything; only blob and snapshot bytes are shared between them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

DEFAULT = "default"


@dataclass(slots=True)
class Namespace:
    """A namespace and its labels, which set defaults for clients."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)


class NamespaceStore(Protocol):
    """All namespaces; using a name in another store makes it exist."""

    def get(self, name: str) -> Namespace: ...

    def list(self) -> list[Namespace]: ...

    def create(self, namespace: Namespace) -> Namespace: ...

    def update(self, namespace: Namespace, fieldpaths: Sequence[str] = ()) -> Namespace:
        """Without fieldpaths all labels are replaced; an empty value removes a label."""
        ...

    def delete(self, name: str) -> None:
        """FailedPrecondition while it has images, blobs, containers or snapshots."""
        ...
