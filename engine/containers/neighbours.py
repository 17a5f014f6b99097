"""What containers need of images and networks: the two Protocols through which the engine's rooms meet."""

from collections.abc import Mapping
from typing import Any, Protocol

Json = dict[str, Any]


class ImageRecord(Protocol):
    """An image, found."""

    @property
    def id(self) -> str: ...

    @property
    def top(self) -> str:
        """The snapshot that a container's own goes on."""
        ...

    @property
    def descriptor(self) -> Json:
        """Its manifest: type, digest, size and platform."""
        ...

    @property
    def container_config(self) -> Json:
        """The image's Config."""
        ...

    @property
    def config(self) -> Json:
        """The whole image configuration: os, architecture, history."""
        ...


class Images(Protocol):
    """The image room."""

    async def resolve(self, text: str, platform: Any = None) -> ImageRecord:
        """The same, for one platform."""
        ...

    async def resolve_quickly(self, text: str) -> ImageRecord:
        """By name or id; NotFound "No such image: …"."""
        ...


class NetworkPlan(Protocol):
    """Where a container's packets go."""

    @property
    def netns(self) -> str | None:
        """A namespace's path, "host", or None for a fresh one of the runtime's making."""
        ...

    @property
    def files(self) -> Mapping[str, str]:
        """/etc/hosts, /etc/hostname, /etc/resolv.conf → files to bind there."""
        ...


class Networks(Protocol):
    """The network room."""

    async def check(self, config: Json, host_config: Json, endpoints: Json) -> None:
        """Refuse at create what could not be done at start."""
        ...

    async def allocate(
        self, container_id: str, config: Json, host_config: Json, endpoints: Json, *, born_in: str = ""
    ) -> NetworkPlan:
        """Make the namespace and its endpoints; a second call for a running container finds them.

        `born_in`: the path of a network namespace to take instead of a new one.
        """
        ...

    async def release(self, container_id: str) -> None:
        """Undo allocate; nothing to do is no error."""
        ...

    async def publish(self, container_id: str, config: Json, host_config: Json, endpoints: Json) -> None:
        """Have a running container's published ports be what its documents say now."""
        ...

    def settings(self, container_id: str, host_config: Json, endpoints: Json) -> Json:
        """NetworkSettings for inspect."""
        ...
