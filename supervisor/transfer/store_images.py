"""Names for what was fetched: which image records a transfer's destination asks for, and writing them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound
from proto.failpoints import reached
from supervisor.core.digests import Descriptor
from supervisor.core.images import Image, ImageStore
from supervisor.core.labels import GC_BREF_IMAGE, GC_EXPIRE
from supervisor.registry.media_types import ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME
from supervisor.transfer.endpoints import ExtraReference, ImageStoreEnd


def images_for_target(end: ImageStoreEnd, target: Descriptor) -> list[Image]:
    """The names that the destination itself gives: its own, and whole extra references."""
    images = [Image(end.name, target, dict(end.labels))] if end.name else []
    for extra in end.extra_references:
        if not extra.is_prefix or extra.add_digest:
            name = f"{extra.name}@{target.digest}" if extra.add_digest else extra.name
            images.append(Image(name, target, _extra_labels(end)))
    return images


def images_from_annotations(end: ImageStoreEnd, target: Descriptor) -> list[Image]:
    """The names that an archive's index gives one of its manifests, as far as the destination's prefixes let it."""
    images = []
    for extra in end.extra_references:
        if not extra.is_prefix:
            continue
        name = annotated_name(target.annotations, extra)
        if name:
            images.append(Image(name, target, _extra_labels(end)))
        if extra.add_digest and not (name and extra.skip_named_digest):
            images.append(Image(f"{extra.name}@{target.digest}", target, _extra_labels(end)))
    return images


def annotated_name(annotations: Mapping[str, str], extra: ExtraReference) -> str:
    """The whole name in an index's annotations under a prefix; nothing where it does not fit."""
    whole = annotations.get(ANNOTATION_IMAGE_NAME, "")
    if whole:
        return whole if _translate(whole, extra) == whole else ""
    named = annotations.get(ANNOTATION_REF_NAME, "")
    return _translate(named, extra) if named else ""


def _translate(name: str, extra: ExtraReference) -> str:
    if not extra.name:
        return ""
    if not any(character in name for character in "/:@"):
        return f"{extra.name}:{name}"
    return name if extra.allow_overwrite or _has_prefix(name, extra.name) else ""


def _has_prefix(name: str, prefix: str) -> bool:
    return name == prefix or (name.startswith(prefix) and name[len(prefix)] in "/:@")


def _extra_labels(end: ImageStoreEnd) -> dict[str, str]:
    """An extra name lives as long as the main one, when there is a main one."""
    if not end.name:
        return dict(end.labels)
    expire = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**end.labels, GC_BREF_IMAGE: end.name, GC_EXPIRE: expire}


def write_images(store: ImageStore, namespace: str, images: Iterable[Image]) -> list[Image]:
    """Create or update each record."""
    written = []
    for image in images:
        if not image.name:
            raise InvalidArgument("image name must not be empty: invalid argument")
        while True:
            try:
                written.append(store.create(namespace, image))
                reached("supervisor.image.written")
                break
            except AlreadyExists:
                pass
            try:
                written.append(store.update(namespace, image))
                break
            except NotFound:
                continue  # it was removed in between
    return written
