"""What every verb on containers works with: built once by the daemon, handed down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.background import Background
from engine.config import Config
from engine.containers.live import Live
from engine.containers.model import Container
from engine.containers.neighbours import Images, Networks
from engine.containers.registry import Registry
from engine.containers.runtimes import Runtimes
from engine.events.bus import Bus
from engine.metrics.timers import Metrics
from engine.paths import Paths
from engine.security.labels import Labeller
from engine.spec.build import Host, Policy
from engine.supervisor_client.containers import Containers
from engine.supervisor_client.content import Content
from engine.supervisor_client.leases import Leases
from engine.supervisor_client.snapshots import Snapshots
from engine.supervisor_client.tasks import Tasks
from engine.users.idmap import IdMap
from engine.users.namespaces import Keeper
from engine.users.ranges import Ranges
from engine.volumes.store import Volumes

if TYPE_CHECKING:
    from engine.containers.execs import Execs


@dataclass(slots=True)
class Supervisor:
    """The clients of the layer below."""

    containers: Containers
    tasks: Tasks
    snapshots: Snapshots
    content: Content
    leases: Leases


@dataclass(slots=True)
class Room:
    """The containers' room."""

    config: Config
    paths: Paths
    host: Host
    policy: Policy
    runtimes: Runtimes
    registry: Registry
    supervisor: Supervisor
    images: Images
    networks: Networks
    volumes: Volumes
    bus: Bus
    supervisor_namespace: str = "moby"
    supervisor_address: str = ""
    remap: IdMap | None = None  # of containers that ask for nothing else
    ranges: Ranges = field(default_factory=Ranges)
    keeper: Keeper = field(default_factory=Keeper)
    labeller: Labeller | None = None  # where SELinux is wanted, and runs
    metrics: Metrics = field(default_factory=Metrics)
    background: Background = field(default_factory=Background)
    closing: bool = False
    _execs: "Execs | None" = None

    @property
    def execs(self) -> "Execs":
        """The execs; set by the composition root, as they need the room themselves."""
        assert self._execs is not None
        return self._execs

    @execs.setter
    def execs(self, execs: "Execs") -> None:
        self._execs = execs

    def announce(self, container: Container, action: str, attributes: Mapping[str, str] | None = None) -> None:
        """A container event: labels, image and name come along, as with dockerd."""
        known = dict(container.labels) | {"image": container.config["Image"], "name": container.name}
        self.bus.publish("container", action, container.id, known | dict(attributes or {}))

    def save(self, live: Live) -> None:
        """Remember a container's present state."""
        self.registry.save(live)
