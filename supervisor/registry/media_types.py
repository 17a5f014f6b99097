"""Media types of images, and what containerd makes of each: the key of a fetch, the label of a reference."""

from supervisor.core.digests import Descriptor

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_LAYER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd"
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
SCHEMA1 = (DOCKER_SCHEMA1, "application/vnd.docker.distribution.manifest.v1+json")
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
IN_TOTO = "application/vnd.in-toto+json"
OCTET_STREAM = "application/octet-stream"  # some old registries say it of configs

ANNOTATION_SUBJECT = "io.containerd.manifest.subject"  # on a descriptor: it is a referrer of this digest
GC_REFERRER = "containerd.io/gc.ref.content.referrer.sha256."
ANNOTATION_REF_NAME = "org.opencontainers.image.ref.name"
ANNOTATION_IMAGE_NAME = "io.containerd.image.name"

_CHECKPOINT = "application/vnd.containerd.container.criu.checkpoint.criu.tar"
_CHECKPOINT_CONFIG = "application/vnd.containerd.container.checkpoint.config.v1+proto"
_DOCKER_LAYERS = (
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_LAYER_ZSTD,
    DOCKER_FOREIGN,
    DOCKER_FOREIGN + ".gzip",
)


def is_manifest(media_type: str) -> bool:
    """One image for one platform."""
    return media_type in (DOCKER_MANIFEST, OCI_MANIFEST)


def is_index(media_type: str) -> bool:
    """Several manifests under one digest."""
    return media_type in (DOCKER_INDEX, OCI_INDEX)


def is_config(media_type: str) -> bool:
    """An image's configuration."""
    return media_type in (DOCKER_CONFIG, OCI_CONFIG)


def is_layer(media_type: str) -> bool:
    """A file system layer, whatever its compression."""
    return media_type.startswith("application/vnd.oci.image.layer.") or media_type.partition("+")[0] in _DOCKER_LAYERS


def is_non_distributable(media_type: str) -> bool:
    """A layer that its licence keeps out of registries."""
    return media_type.startswith(
        ("application/vnd.oci.image.layer.nondistributable.", "application/vnd.docker.image.rootfs.foreign.")
    )


def ref_key(descriptor: Descriptor) -> str:
    """The ref under which a descriptor's bytes are written: containerd's, so that clients' progress bars find it."""
    name = descriptor.annotations.get(ANNOTATION_REF_NAME)
    key = f"{name}@{descriptor.digest}" if name else descriptor.digest
    return f"{_key_prefix(descriptor.media_type)}-{key}"


def _key_prefix(media_type: str) -> str:
    for is_kind, prefix in ((is_manifest, "manifest"), (is_index, "index"), (is_layer, "layer"), (_is_known, "config")):
        if is_kind(media_type):
            return prefix
    return "attestation" if media_type == IN_TOTO else "unknown"


def _is_known(media_type: str) -> bool:
    return is_config(media_type) or media_type in (_CHECKPOINT, _CHECKPOINT_CONFIG)


def gc_label(child: Descriptor) -> str:
    """The label with which a parent keeps a child from the garbage collector; ends in `.` where a number follows."""
    if ANNOTATION_SUBJECT in child.annotations:
        return GC_REFERRER
    if _is_known(child.media_type):
        return "containerd.io/gc.ref.content.config"
    if is_manifest(child.media_type):
        return "containerd.io/gc.ref.content.m."
    return "containerd.io/gc.ref.content.l." if is_layer(child.media_type) else "containerd.io/gc.ref.content."
