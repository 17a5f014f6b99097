"""Removing images: what may go, in which order, and in Docker's words why not.

The plan is pure; `Remover` carries it out.

A name given removes that name, and the image with its last one; an id given removes the image with all its names, if
they are of one repository or if forced. Containers that run keep their image in any case, stopped ones unless forced.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.images import reference as references
from engine.images.catalog import Catalog
from engine.images.model import Image, Name, truncate
from engine.images.names import Names
from engine.images.reference import Reference
from engine.images.sizes import Sizes
from proto.errdefs import Conflict

Announce = Callable[[str, str, dict[str, str]], None]  # action, actor's id, attributes


@dataclass(frozen=True, slots=True)
class ImageUser:
    """A container, as far as its image is concerned."""

    container_id: str
    image_id: str
    running: bool


class Users(Protocol):
    """Knows the containers."""

    def image_users(self) -> Iterable[ImageUser]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What a removal will do."""

    untag: tuple[Name, ...] = ()
    delete: bool = False


@dataclass(slots=True)
class Removed:
    """What a removal has done, in order."""

    untagged: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    def document(self) -> list[dict[str, str]]:
        """The API's answer."""
        return [{"Untagged": name} for name in self.untagged] + [{"Deleted": digest} for digest in self.deleted]


def plan_removal(image: Image, text: str, users: Sequence[ImageUser], *, force: bool) -> Plan:
    """Decide on `DELETE /images/{text}`; raises Conflict."""
    named = [name for name in image.names if name.reference is not None]
    if _is_id_of(image, text):
        if not _is_single_repository(named):
            _check(image, users, force=force, multiple=len(named) > 0)
        else:
            _check(image, users, force=force, multiple=False)
        return Plan(tuple(named), delete=True)
    reference = references.parse(text).with_default_tag()
    if not force and _is_single_repository(named) and users:
        raise Conflict(
            f'conflict: unable to remove repository reference "{text}" (must force) - '
            f"container {truncate(users[0].container_id)} is using its referenced image {image.short_id}"
        )
    gone = _names_to_untag(named, reference)
    if len(gone) < len(named):
        return Plan(gone)
    busy = any(user.running for user in users) or (bool(users) and not force)
    return Plan(gone, delete=not busy)


class Remover:
    """Removes images, one at a time."""

    def __init__(self, catalog: Catalog, names: Names, sizes: Sizes, users: Users, announce: Announce) -> None:
        self._catalog = catalog
        self._names = names
        self._sizes = sizes
        self._users = users
        self._announce = announce

    def used(self) -> set[str]:
        """The images that containers hold on to."""
        return {user.image_id for user in self._users.image_users()}

    async def remove(self, text: str, *, force: bool = False, parents: bool = True) -> Removed:
        """Remove a name or an image; with it the images it was made of, where nobody has a name for them."""
        image = await self._catalog.resolve(text)
        users = [user for user in self._users.image_users() if user.image_id == image.id]
        plan, removed = plan_removal(image, text, users, force=force), Removed()
        await self._carry_out(image, plan, users, removed)
        if parents and plan.delete:
            await self._remove_parents(image.parent, removed)
        return removed

    async def _remove_parents(self, parent: str, removed: Removed) -> None:
        """Up to the first that has a name, a container, or another image made of it."""
        while parent:
            images = {image.id: image for image in await self._catalog.all()}
            image = images.get(parent)
            needed = parent in self.used() or any(other.parent == parent for other in images.values())
            if image is None or image.references or needed:
                return
            await self._carry_out(image, Plan(delete=True), (), removed)
            parent = image.parent

    async def _carry_out(self, image: Image, plan: Plan, users: Sequence[ImageUser], removed: Removed) -> None:
        layers = await self._layers_of_its_own(image) if plan.delete and not users else []
        survives = not plan.delete and len(plan.untag) == len(image.references)
        if survives:
            await self._names.keep_dangling(image.names[0].target, image.parent)
        last_ones = [name.record for name in image.names if name.reference is None] if plan.delete else []
        records = [name.record for name in plan.untag] + last_ones
        for position, record in enumerate(records):
            # the last deletion waits for the collector, so that the space is free when the client hears of it
            await self._names.drop(record, sync=plan.delete and position == len(records) - 1)
        for name in plan.untag:
            assert name.reference is not None
            removed.untagged.append(name.reference.familiar)
            self._announce("untag", image.id, {"name": image.id})
        if plan.delete:
            removed.deleted += [image.id, *layers]
            self._sizes.forget(layers)
            self._announce("delete", image.id, {"name": image.id})

    async def _layers_of_its_own(self, image: Image) -> list[str]:
        """The layers that go with the image, uppermost first."""
        others = await self._catalog.all()
        shared = {chain_id for other in others if other.id != image.id for chain_id in other.manifest.chain_ids}
        return [chain_id for chain_id in reversed(image.manifest.chain_ids) if chain_id not in shared]


def _check(image: Image, users: Sequence[ImageUser], *, force: bool, multiple: bool) -> None:
    """Refuse a deletion by id; a running container's image cannot be had by force either."""
    for user in users:
        if user.running:
            raise _conflict(
                image, "cannot be forced", f"image is being used by running container {truncate(user.container_id)}"
            )
    if force:
        return
    if multiple:
        raise _conflict(image, "must be forced", "image is referenced in multiple repositories")
    for user in users:
        raise _conflict(
            image, "must be forced", f"image is being used by stopped container {truncate(user.container_id)}"
        )


def _conflict(image: Image, forcing: str, reason: str) -> Conflict:
    return Conflict(f"conflict: unable to delete {image.short_id} ({forcing}) - {reason}")


def _is_id_of(image: Image, text: str) -> bool:
    """Whether the client named the image by its id or the start of it; a name may look like one."""
    return image.id.startswith(text) or image.id.removeprefix("sha256:").startswith(text)


def _is_single_repository(names: Sequence[Name]) -> bool:
    """At most one tag, and digests of that repository only."""
    known = [name.reference for name in names if name.reference is not None]
    if len(known) <= 1:
        return len(known) == 1
    tagged = [reference for reference in known if not reference.digest]
    repositories = {reference.name for reference in known if reference.digest}
    single = tagged[0] if tagged else known[0]
    return len(tagged) <= 1 and repositories == {single.name}


def _names_to_untag(names: Sequence[Name], reference: Reference) -> tuple[Name, ...]:
    """The name itself, and the repository's digests if no tag of the repository is left."""
    gone = [name for name in names if name.reference is not None and _same(name.reference, reference)]
    if reference.digest:
        return tuple(gone)
    left = [name for name in names if name not in gone and name.reference and name.reference.name == reference.name]
    if not any(name.reference and not name.reference.digest for name in left):
        gone += left
    return tuple(gone)


def _same(known: Reference, wanted: Reference) -> bool:
    if wanted.digest:
        return (known.name, known.digest) == (wanted.name, wanted.digest)
    return known == wanted
