"""Where the engine keeps things: one property per file; nobody else joins these names."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContainerPaths:
    """The files of one container: durable ones under the data root, others under the exec root."""

    durable: str
    volatile: str
    container_id: str

    @property
    def log(self) -> str:
        """The json-file log; `.1`, `.2` … beside it are the rotated ones."""
        return f"{self.durable}/{self.container_id}-json.log"

    @property
    def local_log(self) -> str:
        """The log of the `local` driver."""
        return f"{self.durable}/local-logs/container.log"

    @property
    def checkpoints(self) -> str:
        """A folder for each checkpoint."""
        return f"{self.durable}/checkpoints"

    @property
    def hostname(self) -> str:
        """Bound at /etc/hostname."""
        return f"{self.durable}/hostname"

    @property
    def hosts(self) -> str:
        """Bound at /etc/hosts."""
        return f"{self.durable}/hosts"

    @property
    def resolv_conf(self) -> str:
        """Bound at /etc/resolv.conf."""
        return f"{self.durable}/resolv.conf"

    @property
    def shm(self) -> str:
        """A tmpfs that other containers may join, for IpcMode shareable."""
        return f"{self.durable}/mounts/shm"

    def image(self, number: int) -> str:
        """Where an image mount is mounted."""
        return f"{self.durable}/mounts/image-{number}"

    def subpath(self, number: int) -> str:
        """Where a part of a volume is bound; outside of `volatile`, which is deleted with all that is in it."""
        return f"{os.path.dirname(os.path.dirname(self.volatile))}/subpaths/{self.container_id}-{number}"

    @property
    def attach_socket(self) -> str:
        """Where our own shim hands out the streams."""
        return f"{self.volatile}/attach.sock"

    def fifo(self, process: str, stream: str) -> str:
        """A FIFO of the init ("init") or of an exec."""
        return f"{self.volatile}/{process}-{stream}"


@dataclass(frozen=True, slots=True)
class Paths:
    """The engine's two folders."""

    data_root: str
    exec_root: str

    @property
    def database(self) -> str:
        """SQLite: containers, names, volumes."""
        return f"{self.data_root}/engine.db"

    @property
    def engine_id(self) -> str:
        """This installation's id, as `docker info` shows it."""
        return f"{self.data_root}/engine-id"

    @property
    def containers(self) -> str:
        """One folder per container."""
        return f"{self.data_root}/containers"

    @property
    def volatile(self) -> str:
        """One folder per container that runs."""
        return f"{self.exec_root}/containers"

    @property
    def subpaths(self) -> str:
        """Parts of volumes, bound while their containers run."""
        return f"{self.exec_root}/subpaths"

    @property
    def volumes(self) -> str:
        """One folder per volume, the content in its `_data`."""
        return f"{self.data_root}/volumes"

    @property
    def temporary(self) -> str:
        """For mounts and spooled uploads; emptied at start."""
        return f"{self.data_root}/tmp"

    @property
    def netns(self) -> str:
        """Bind mounts of network namespaces."""
        return f"{self.exec_root}/netns"

    @property
    def registry_hosts(self) -> str:
        """hosts.toml of registries' mirrors, as a pull is told of them."""
        return f"{self.exec_root}/registry-hosts"

    @property
    def supervisor_root(self) -> str:
        """Data of the supervisor that the engine starts itself."""
        return f"{self.data_root}/supervisor"

    @property
    def supervisor_state(self) -> str:
        """State of that supervisor."""
        return f"{self.exec_root}/supervisor"

    @property
    def supervisor_socket(self) -> str:
        """Its socket."""
        return f"{self.exec_root}/supervisor/supervisor.sock"

    @property
    def supervisor_pidfile(self) -> str:
        """Its pid, so that the next engine finds it alive."""
        return f"{self.exec_root}/supervisor/supervisor.pid"

    @property
    def supervisor_log(self) -> str:
        """Its stderr."""
        return f"{self.exec_root}/supervisor/supervisor.log"

    def container(self, container_id: str) -> ContainerPaths:
        """The files of one container."""
        return ContainerPaths(
            f"{self.containers}/{container_id}", f"{self.exec_root}/containers/{container_id}", container_id
        )

    def make(self) -> None:
        """Create the folders, closed to others."""
        os.makedirs(self.data_root, mode=0o710, exist_ok=True)
        os.makedirs(self.exec_root, mode=0o711, exist_ok=True)
        for folder in (self.containers, self.temporary):
            os.makedirs(folder, mode=0o710, exist_ok=True)
        os.makedirs(self.volumes, mode=0o701, exist_ok=True)
        os.makedirs(f"{self.exec_root}/containers", mode=0o700, exist_ok=True)
        os.makedirs(self.netns, mode=0o755, exist_ok=True)
