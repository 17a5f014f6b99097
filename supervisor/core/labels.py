"""Labels: short key=value pairs on every object; some of containerd's own steer sharing and garbage collection."""

from collections.abc import Mapping

from proto.errdefs import InvalidArgument

MAX_SIZE = 4096
_KEY_SHOWN = 64

UNCOMPRESSED = "containerd.io/uncompressed"
SHARED_NAMESPACE = "containerd.io/namespace.shareable"
DISTRIBUTION_SOURCE = "containerd.io/distribution.source"
SNAPSHOT_REF = "containerd.io/snapshot.ref"
SNAPSHOT_INHERITED_PREFIX = "containerd.io/snapshot/"
SNAPSHOT_UIDMAPPING = "containerd.io/snapshot/uidmapping"
SNAPSHOT_GIDMAPPING = "containerd.io/snapshot/gidmapping"
SNAPSHOT_UPPERDIR = "containerd.io/snapshot/overlay.upperdir"

GC_ROOT = "containerd.io/gc.root"
GC_EXPIRE = "containerd.io/gc.expire"
GC_FLAT = "containerd.io/gc.flat"
GC_REF_CONTENT = "containerd.io/gc.ref.content"
GC_REF_SNAPSHOT = "containerd.io/gc.ref.snapshot."
GC_REF_IMAGE = "containerd.io/gc.ref.image"
GC_BREF_CONTENT = "containerd.io/gc.bref.content"
GC_BREF_SNAPSHOT = "containerd.io/gc.bref.snapshot."
GC_BREF_IMAGE = "containerd.io/gc.bref.image"
GC_BREF_CONTAINER = "containerd.io/gc.bref.container"


def validate_labels(labels: Mapping[str, str], noun: str) -> None:
    for key, value in labels.items():
        total = len(key.encode()) + len(value.encode())
        if total > MAX_SIZE:
            raise InvalidArgument(
                f"{noun}: label key and value length ({total} bytes) greater than maximum size ({MAX_SIZE} bytes), "
                f"key: {key[:_KEY_SHOWN]}: invalid argument"
            )


def inherited_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """What a snapshotter may see of a snapshot's labels, and what a commit passes on."""
    return {
        key: value for key, value in labels.items() if key == SNAPSHOT_REF or key.startswith(SNAPSHOT_INHERITED_PREFIX)
    }
