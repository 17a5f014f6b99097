"""Images: a name for a descriptor."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from supervisor.core.digests import Descriptor


@dataclass(slots=True)
class Image:
    """`target` is a manifest or an index; its annotations belong to the record."""

    name: str
    target: Descriptor = field(default_factory=Descriptor)
    labels: dict[str, str] = field(default_factory=dict)
    created_at: int = 0
    updated_at: int = 0


class ImageStore(Protocol):
    """Image records, by name in a namespace."""

    def get(self, namespace: str, name: str) -> Image: ...

    def list(self, namespace: str, filters: Sequence[str] = ()) -> list[Image]:
        """Filter fields: name, target.digest, target.mediatype, labels.<key>, annotations.<key>."""
        ...

    def create(self, namespace: str, image: Image) -> Image:
        """`created_at` is honoured when set (SOURCE_DATE_EPOCH), otherwise now."""
        ...

    def update(self, namespace: str, image: Image, fieldpaths: Sequence[str] = ()) -> Image: ...

    def delete(self, namespace: str, name: str, target_digest: str = "") -> None:
        """With a digest, only if the image still points there."""
        ...
