"""The two ends of a transfer, free of protobuf: a registry, the image store, a stream of bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from supervisor.core.digests import Platform
from supervisor.registry.auth import Credentials
from supervisor.transfer.streams import Stream


@dataclass(frozen=True, slots=True)
class Unpack:
    """For which platform to unpack, and with what; an empty snapshotter is the default one."""

    platform: Platform
    snapshotter: str = ""


@dataclass(frozen=True, slots=True)
class ExtraReference:
    """One more name for what is stored or looked up.

    With `is_prefix` the name lacks its tag: that comes from the archive's annotations (`allow_overwrite`: a whole
    name there counts although it has another prefix), or is the digest (`add_digest`, unless `skip_named_digest` and
    a name was found).
    """

    name: str
    is_prefix: bool = False
    allow_overwrite: bool = False
    add_digest: bool = False
    skip_named_digest: bool = False


@dataclass(frozen=True, slots=True)
class ImageStoreEnd:
    """Images in the store: as a destination, how to name, filter and unpack; as a source, which to take."""

    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    platforms: Sequence[Platform] = ()
    all_metadata: bool = False
    manifest_limit: int = 0
    extra_references: Sequence[ExtraReference] = ()
    unpacks: Sequence[Unpack] = ()

    def __str__(self) -> str:
        return f"Local Image Store ({self.name})"


@dataclass(frozen=True, slots=True)
class RegistryEnd:
    """An image in a registry."""

    reference: str
    headers: Mapping[str, str] = field(default_factory=dict)
    host_dir: str = ""
    default_scheme: str = ""
    credentials: Credentials | None = None

    def __str__(self) -> str:
        return f"OCI Registry ({self.reference})"


@dataclass(frozen=True, slots=True)
class ImportEnd:
    """An archive that a client sends."""

    stream: Stream
    media_type: str = ""
    force_compress: bool = False


@dataclass(frozen=True, slots=True)
class ExportEnd:
    """An archive that a client wants."""

    stream: Stream
    media_type: str = ""
    platforms: Sequence[Platform] = ()
    all_platforms: bool = False
    skip_compatibility_manifest: bool = False
    skip_non_distributable: bool = False
