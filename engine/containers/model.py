"""A container as the engine remembers it: what was asked for (as the client sent it, normalised) and what became of it.

`config` and `host_config` keep Docker's own JSON names, because inspect must give them back as they came: clients
re-create containers from what they read.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from engine import timestamps
from engine.users.idmap import IdMap

Json = dict[str, Any]


@dataclass(slots=True)
class Health:
    """The health check's verdict and its last five probes."""

    status: str = "starting"
    failing_streak: int = 0
    log: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """Where a container is in its life; `status` moves along containers.state's table only."""

    status: str = "created"
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    started_at: str = timestamps.ZERO
    finished_at: str = timestamps.ZERO
    health: Health | None = None

    @property
    def running(self) -> bool:
        """A process exists (paused and restarting count, as in dockerd)."""
        return self.status in ("running", "paused", "restarting")

    @property
    def alive(self) -> bool:
        """A task exists in the supervisor."""
        return self.status in ("running", "paused")


@dataclass(slots=True)
class Mount:
    """One volume, bind or tmpfs mount, decided at create."""

    kind: str  # volume, bind, tmpfs, image
    source: str
    destination: str
    name: str = ""
    driver: str = ""
    mode: str = ""
    writable: bool = True
    propagation: str = ""
    anonymous: bool = False
    options: list[str] = field(default_factory=list)
    from_spec: bool = False
    own_mount: bool = False  # a volume with mount options of its own: mounted while somebody uses it
    subpath: str = ""  # only this part of the volume
    bound: str = ""  # where that part, or a view with other owners, is bound while the container lives
    mapping: str = ""  # whose owners its files show: "userns", "match-user", "match-user:WHO"

    @property
    def wants_content(self) -> bool:
        """A new volume that is to be filled from the image."""
        return self.kind == "volume" and "nocopy" not in self.options and not (self.own_mount or self.subpath)

    def to_inspect(self) -> Json:
        """The entry under Mounts."""
        entry: Json = {"Type": self.kind}
        if self.name:
            entry["Name"] = self.name
        entry |= {"Source": self.source, "Destination": self.destination}
        if self.driver:
            entry["Driver"] = self.driver
        return entry | {"Mode": self.mode, "RW": self.writable, "Propagation": self.propagation}


@dataclass(slots=True)
class Container:
    """One container."""

    id: str
    name: str
    created: str
    image_id: str
    chain_id: str
    config: Json
    host_config: Json
    endpoints: Json = field(default_factory=dict)  # NetworkingConfig.EndpointsConfig as requested
    path: str = ""
    args: list[str] = field(default_factory=list)
    mounts: list[Mount] = field(default_factory=list)
    state: State = field(default_factory=State)
    restart_count: int = 0
    manually_stopped: bool = False
    log_driver: str = "json-file"
    log_path: str = ""
    shim_io: bool = False  # the shim owns stdio and log; else FIFOs and the engine's own pump
    takes_volumes: bool = False  # its removal, once begun, removes its anonymous volumes too
    image_manifest: Json = field(default_factory=dict)  # its descriptor; empty for a container of an older engine
    runtime: str = ""  # the supervisor's name of the runtime the present task runs on
    process_label: str = ""  # of SELinux, decided at create
    mount_label: str = ""
    id_map: Json | None = None  # of its user namespace, decided at create; None: the host's

    def to_json(self) -> Json:
        """What the store keeps."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Json) -> "Container":
        """The inverse of to_json."""
        state = dict(document["state"])
        health = state.pop("health", None)
        document = document | {
            "mounts": [Mount(**mount) for mount in document["mounts"]],
            "state": State(**state, health=Health(**health) if health else None),
        }
        return cls(**document)

    @property
    def ids(self) -> IdMap | None:
        """The mapping of its user namespace."""
        return IdMap.from_json(self.id_map) if self.id_map else None

    @property
    def tty(self) -> bool:
        """The init has a terminal."""
        return bool(self.config["Tty"])

    @property
    def auto_remove(self) -> bool:
        """`--rm`."""
        return bool(self.host_config["AutoRemove"])

    @property
    def labels(self) -> dict[str, str]:
        """The container's labels."""
        return self.config["Labels"] or {}
