"""Image records."""

# ruff: noqa: S608 -- only constants of this module are put into SQL text

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound
from supervisor.core.digests import Descriptor, digest_problem
from supervisor.core.events import EventPublisher
from supervisor.core.fieldpaths import apply_mask, merge_key
from supervisor.core.filters import Adaptor, map_field, parse_filters, present
from supervisor.core.identifiers import quoted
from supervisor.core.images import Image
from supervisor.core.labels import GC_EXPIRE, validate_labels
from supervisor.core.leases import Resource
from supervisor.events import topics
from supervisor.metadata.db import Database
from supervisor.metadata.leases import lease_resource, release_resource
from supervisor.metadata.rows import decode_map, encode_map, ensure_namespace, now

_COLUMNS = "name, media_type, digest, size, annotations, labels, created_at, updated_at"


class ImageTable:
    """An ImageStore; says what it did on the event exchange, whoever asked."""

    def __init__(self, db: Database, publisher: EventPublisher) -> None:
        self._db = db
        self._publisher = publisher

    def get(self, namespace: str, name: str) -> Image:
        with self._db.read() as connection:
            return _select(connection, namespace, name)

    def list(self, namespace: str, filters: Sequence[str] = ()) -> list[Image]:
        matches = parse_filters(filters)
        with self._db.read() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM images WHERE namespace = ? ORDER BY name", (namespace,))
            return [image for image in map(_from_row, rows) if matches(_adapt(image))]

    def create(self, namespace: str, image: Image) -> Image:
        _validate(image)
        image.created_at = image.created_at or now()
        image.updated_at = image.created_at
        with self._db.write() as connection:
            ensure_namespace(connection, namespace)
            _lease_expiring(connection, namespace, image)
            try:
                connection.execute(
                    f"INSERT INTO images (namespace, {_COLUMNS}) VALUES (?, ?,?,?,?,?, ?,?,?)",
                    (namespace, *_to_row(image)),
                )
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"image {quoted(image.name)}: already exists") from error
            event = topics.image_create(image.name, image.labels)
            self._db.after_commit(lambda: self._publisher.publish(namespace, topics.IMAGE_CREATE, event))
        return image

    def update(self, namespace: str, image: Image, fieldpaths: Sequence[str] = ()) -> Image:
        if not image.name:
            raise InvalidArgument("image name is required for update: invalid argument")
        with self._db.write() as connection:
            current = _select(connection, namespace, image.name)
            updated = _apply(current, image, fieldpaths) if fieldpaths else replace(image)
            _validate(updated)
            _lease_expiring(connection, namespace, updated)
            updated.created_at = current.created_at
            updated.updated_at = image.updated_at or now()
            connection.execute(
                f"REPLACE INTO images (namespace, {_COLUMNS}) VALUES (?, ?,?,?,?,?, ?,?,?)",
                (namespace, *_to_row(updated)),
            )
            if updated.target.digest != current.target.digest:
                self._db.references_removed()
            event = topics.image_update(updated.name, updated.labels)
            self._db.after_commit(lambda: self._publisher.publish(namespace, topics.IMAGE_UPDATE, event))
        return updated

    def delete(self, namespace: str, name: str, target_digest: str = "") -> None:
        with self._db.write() as connection:
            current = _select(connection, namespace, name)
            if target_digest and current.target.digest != target_digest:
                raise NotFound(
                    f"image {quoted(name)} has target {current.target.digest}, not {target_digest}: not found"
                )
            release_resource(connection, namespace, Resource(name, "images"))
            connection.execute("DELETE FROM images WHERE namespace = ? AND name = ?", (namespace, name))
            self._db.references_removed()
            event = topics.image_delete(name)
            self._db.after_commit(lambda: self._publisher.publish(namespace, topics.IMAGE_DELETE, event))


def _select(connection: sqlite3.Connection, namespace: str, name: str) -> Image:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM images WHERE namespace = ? AND name = ?", (namespace, name)
    ).fetchone()
    if row is None:
        raise NotFound(f"image {quoted(name)}: not found")
    return _from_row(row)


def _from_row(row: tuple[Any, ...]) -> Image:
    return Image(
        name=row[0],
        target=Descriptor(row[1], row[2], row[3], decode_map(row[4])),
        labels=decode_map(row[5]),
        created_at=row[6],
        updated_at=row[7],
    )


def _to_row(image: Image) -> tuple[Any, ...]:
    target = image.target
    return (
        image.name,
        target.media_type,
        target.digest,
        target.size,
        encode_map(target.annotations),
        encode_map(image.labels),
        image.created_at,
        image.updated_at,
    )


def _validate(image: Image) -> None:
    if not image.name:
        raise InvalidArgument("image name must not be empty: invalid argument")
    validate_labels(image.labels, "image.Labels")
    target = image.target
    if problem := digest_problem(target.digest):
        raise InvalidArgument(f"target.Digest {quoted(target.digest)} invalid: {problem}: invalid argument")
    if target.size <= 0:
        raise InvalidArgument("target.Size must be greater than zero: invalid argument")
    if not target.media_type:
        raise InvalidArgument("target.MediaType must be set: invalid argument")


def _lease_expiring(connection: sqlite3.Connection, namespace: str, image: Image) -> None:
    """Only an image that may expire needs a lease: the others are roots themselves."""
    if image.labels.get(GC_EXPIRE):
        lease_resource(connection, namespace, Resource(image.name, "images"))


def _apply(current: Image, wanted: Image, fieldpaths: Sequence[str]) -> Image:
    updated = Image(current.name, current.target, dict(current.labels))

    def target(descriptor: Descriptor) -> None:
        updated.target = descriptor

    def annotation(key: str) -> None:
        annotations = dict(updated.target.annotations)
        merge_key(annotations, wanted.target.annotations, key)
        target(replace(updated.target, annotations=annotations))

    apply_mask(
        fieldpaths,
        {
            "labels": lambda: setattr(updated, "labels", dict(wanted.labels)),
            "target": lambda: target(wanted.target),
            "annotations": lambda: target(replace(updated.target, annotations=dict(wanted.target.annotations))),
        },
        {"labels": lambda key: merge_key(updated.labels, wanted.labels, key), "annotations": annotation},
        lambda path: InvalidArgument(
            f"cannot update {quoted(path)} field on image {quoted(current.name)}: invalid argument"
        ),
    )
    return updated


def _adapt(image: Image) -> Adaptor:
    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["name", *_]:
                return present(image.name)
            case ["target", "digest", *_]:
                return present(image.target.digest)
            case ["target", "mediatype", *_]:
                return present(image.target.media_type)
            case ["labels", *key]:
                return map_field(key, image.labels)
            case ["annotations", *key]:
                return map_field(key, image.target.annotations)
        return None

    return field
