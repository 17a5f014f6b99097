"""All containers in memory, found by id, name or unambiguous prefix; the only writer of the store."""

import contextlib
from collections.abc import Iterator

from engine.containers.live import Live
from engine.containers.model import Container
from engine.containers.store import ContainerStore
from proto.errdefs import Conflict, InvalidArgument, NotFound


class Registry:
    """The index over the store."""

    def __init__(self, store: ContainerStore) -> None:
        self._store = store
        self._by_id: dict[str, Live] = {container.id: Live(container) for container in store.load()}
        self._by_name: dict[str, str] = {live.container.name: live.container.id for live in self._by_id.values()}
        self._coming: dict[str, str] = {}

    def __iter__(self) -> Iterator[Live]:
        return iter(list(self._by_id.values()))

    def get(self, container_id: str) -> Live | None:
        """By full id, or None."""
        return self._by_id.get(container_id)

    def find(self, reference: str) -> Live:
        """By id, name or prefix, in dockerd's order."""
        if not reference:
            raise InvalidArgument('invalid name or ID supplied: ""')
        if live := self._by_id.get(reference):
            return live
        if named := self._by_name.get(reference.removeprefix("/")):
            return self._by_id[named]
        matches = [container_id for container_id in self._by_id if container_id.startswith(reference)]
        if len(matches) > 1:
            raise InvalidArgument(f"multiple IDs found with provided prefix: {reference}")
        if not matches:
            raise NotFound(f"No such container: {reference}")
        return self._by_id[matches[0]]

    def name_owner(self, name: str) -> str | None:
        """Whose name it is, or is about to be."""
        return self._by_name.get(name) or self._coming.get(name)

    @contextlib.contextmanager
    def reserving(self, name: str, container_id: str) -> Iterator[None]:
        """Keep a name for a container that is being made."""
        self.require_free(name)
        self._coming[name] = container_id
        try:
            yield
        finally:
            del self._coming[name]

    def add(self, container: Container) -> Live:
        """A new container; its name becomes its own in the same moment."""
        if self.name_owner(container.name) != container.id:
            self.require_free(container.name)
        self._store.insert(container)
        live = Live(container)
        self._by_id[container.id] = live
        self._by_name[container.name] = container.id
        return live

    def require_free(self, name: str) -> None:
        """Refuse a name that somebody has."""
        owner = self.name_owner(name)
        if owner is not None:
            raise Conflict(
                f'Conflict. The container name "/{name}" is already in use by container "{owner}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )

    def rename(self, live: Live, name: str) -> None:
        """Give a container another name."""
        self.require_free(name)
        del self._by_name[live.container.name]
        live.container.name = name
        self._by_name[name] = live.container.id
        self._store.save(live.container)

    def save(self, live: Live) -> None:
        """Remember the container's present state."""
        self._store.save(live.container)
        live.notify()

    def retire(self, live: Live) -> None:
        """Take a container out of sight; `finish` comes when nothing is left of it."""
        self._store.retire(live.container)
        del self._by_id[live.container.id]
        self._by_name.pop(live.container.name, None)
        live.notify()

    def leftovers(self) -> list[Container]:
        """Retired, not finished: found at start."""
        return self._store.leftovers()

    def finish(self, container_id: str) -> None:
        """Nothing is left of a retired container."""
        self._store.forget(container_id)
