"""A supervisor that is killed at failpoints, and the questions asked afterwards: is what it says the kernel's truth?

`House.crash(point, work)` arms one point, does the work, waits for the death, brings back what died, and waits until
tasks, bundles, shims, mounts, cgroups and the OCI runtime's records tell one story.
"""

import contextlib
import hashlib
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import grpc

from proto import anys
from proto.containerd.services.containers.v1 import containers_pb2, containers_pb2_grpc
from proto.containerd.services.images.v1 import images_pb2, images_pb2_grpc
from proto.containerd.services.leases.v1 import leases_pb2, leases_pb2_grpc
from proto.containerd.services.snapshots.v1 import snapshots_pb2, snapshots_pb2_grpc
from proto.containerd.services.tasks.v1 import tasks_pb2 as tasks
from proto.containerd.services.tasks.v1 import tasks_pb2_grpc
from proto.containerd.types.mount_pb2 import Mount
from proto.containerd.types.task.task_pb2 import Status
from proto.failpoints import VARIABLE
from tests.images import busybox_layer
from tests.supervisor_process import Supervisor

RUNTIME = "io.containerd.wherry.v2"
_RUNC = Path("/run/containerd/runc")
_PATIENCE = 40.0


class House:
    """One supervisor, whatever runs below it, and a namespace of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.namespace = f"lost-{os.getpid()}-{folder.name}"
        self.cgroup = f"wherry-{self.namespace}"
        self.armed = folder / "armed"
        self.supervisor = Supervisor(folder / "s", environment={VARIABLE: str(self.armed)}, warm=True)
        self.rootfs = folder / "rootfs"
        with tarfile.open(fileobj=BytesIO(busybox_layer())) as tar:
            tar.extractall(self.rootfs)
        self._channel: grpc.Channel | None = None

    def __enter__(self) -> "House":
        self.supervisor.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        self.armed.unlink(missing_ok=True)
        if self._channel is not None:
            self._channel.close()
        self.supervisor.__exit__(*failure)
        for folder in self.cgroups():
            with contextlib.suppress(OSError):
                folder.rmdir()
        for root in Path("/sys/fs/cgroup").glob(f"*/{self.cgroup}"):
            with contextlib.suppress(OSError):
                root.rmdir()
        with contextlib.suppress(OSError):
            (_RUNC / self.namespace).rmdir()

    # -- calls ------------------------------------------------------------------------------------------------------

    def call(self, stub: Any, method: str, request: Any) -> Any:
        """One call of a service; RpcError when it fails or its server dies."""
        if self._channel is None:
            self._channel = grpc.insecure_channel(f"unix:{self.supervisor.address}")
        metadata = [("containerd-namespace", self.namespace)]
        return getattr(stub(self._channel), method)(request, metadata=metadata, timeout=_PATIENCE)

    def task(self, method: str, request: Any) -> Any:
        """A call of the Tasks service."""
        return self.call(tasks_pb2_grpc.TasksStub, method, request)

    def record(self, name: str, *command: str) -> None:
        """A container's record."""
        spec = {
            "ociVersion": "1.0.2",
            "process": {"args": list(command), "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
            "root": {"path": "rootfs"},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            ],
            "linux": {
                "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")],
                "cgroupsPath": f"/{self.cgroup}/{name}",
            },
        }
        record = containers_pb2.Container(id=name, spec=anys.pack_json(anys.SPEC, spec))
        record.runtime.name = RUNTIME
        request = containers_pb2.CreateContainerRequest(container=record)
        self.call(containers_pb2_grpc.ContainersStub, "Create", request)

    def run(self, name: str) -> None:
        """Create and start the task of a record."""
        mount = Mount(type="bind", source=str(self.rootfs), options=["rbind", "ro"])
        self.task("Create", tasks.CreateTaskRequest(container_id=name, rootfs=[mount]))
        self.task("Start", tasks.StartRequest(container_id=name))

    def remove(self, name: str) -> None:
        """Kill and delete a task that may be there."""
        with contextlib.suppress(grpc.RpcError):
            self.task("Kill", tasks.KillRequest(container_id=name, signal=9, all=True))
        with contextlib.suppress(grpc.RpcError):
            self.task("Wait", tasks.WaitRequest(container_id=name))
        with contextlib.suppress(grpc.RpcError):
            self.task("Delete", tasks.DeleteTaskRequest(container_id=name))

    def forget(self, name: str) -> None:
        """Delete a record."""
        self.call(containers_pb2_grpc.ContainersStub, "Delete", containers_pb2.DeleteContainerRequest(id=name))

    # -- death ------------------------------------------------------------------------------------------------------

    def crash(self, point: str, work: Callable[[], object], *, both: bool = False) -> None:
        """Do the work with one point armed; what dies of it is back afterwards, and everybody agrees.

        `both`: the supervisor dies as soon as the other has.
        """
        if point.startswith("zygote.") and not self.zygotes():
            self.supervisor.kill()  # it starts shims cold for a while after its zygotes have died too often
            self.start()
            until(lambda: len(self.zygotes()) == 1, "no zygote")
        self.armed.write_text(point)
        with contextlib.suppress(grpc.RpcError):
            work()
        until(lambda: not self.armed.exists(), f"{point} was never reached\n{self.supervisor.tail()}")
        if both or point.startswith("supervisor."):
            self.supervisor.kill()  # reaps it: it is dead or about to be
            self.start()
        self.settle(point)

    def start(self) -> None:
        """A new supervisor on the old folders."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        self.supervisor.start()

    def settle(self, why: str) -> dict[str, Any]:
        """Wait until all agree; the tasks."""
        found: dict[str, Any] = {}

        def agreed() -> bool:
            found.clear()
            found.update(self.tasks())
            return not self.disagreements(found)

        until(agreed, lambda: f"after {why}: {self.disagreements(self.tasks())}\n{self.supervisor.tail()}")
        return found

    def tasks(self) -> dict[str, Any]:
        """Every task as the supervisor tells it."""
        listed = self.task("List", tasks.ListTasksRequest()).tasks
        return {process.id: process for process in listed}

    def disagreements(self, known: dict[str, Any]) -> list[str]:
        """Where the supervisor's tasks are not what is on disk and in the kernel."""
        names = set(known)
        found = []
        seen = {
            "bundles": {path.name for path in self.supervisor.bundles()},
            "shims": {_value(pid, "-id") for pid in self.supervisor.shim_pids()},
            "mounts": {Path(point).parent.name for point in self.supervisor.mounts()},
        }
        for what, there in seen.items():
            if (what != "mounts" and there != names) or there - names:
                found.append(f"{what} {sorted(there)} of tasks {sorted(names)}")
        for what, there in (("records", self.records()), ("cgroups", {path.name for path in self.cgroups()})):
            if there - names:
                found.append(f"{what} {sorted(there)} of tasks {sorted(names)}")
        for name, process in known.items():
            lives = _alive(process.pid)
            if (process.status in (Status.RUNNING, Status.CREATED)) != lives:
                found.append(f"{name} is {Status.Name(process.status)}, pid {process.pid} lives: {lives}")
        if len(zygotes := self.zygotes()) > 1:
            found.append(f"zygotes {zygotes}")
        return found

    def records(self) -> set[str]:
        """Containers that the OCI runtime knows."""
        folder = _RUNC / self.namespace
        return set(os.listdir(folder)) if folder.exists() else set()

    def cgroups(self) -> list[Path]:
        """Containers' cgroups in every hierarchy."""
        roots = [*Path("/sys/fs/cgroup").glob(f"*/{self.cgroup}"), *Path("/sys/fs/cgroup").glob(self.cgroup)]
        return [path for root in roots for path in root.iterdir() if path.is_dir()]

    def zygotes(self) -> list[int]:
        """Warm parents of this house: known by the variable that they inherited."""
        mark = f"{VARIABLE}={self.armed}".encode()
        return [pid for pid, words in _processes() if b"zygote" in words and mark in _environment(pid)]

    # -- images -----------------------------------------------------------------------------------------------------

    def broken_blobs(self) -> list[str]:
        """Blobs whose bytes are not what their name says."""
        folder = self.supervisor.root / "io.containerd.content.v1.content" / "blobs" / "sha256"
        files = folder.iterdir() if folder.exists() else ()
        return [path.name for path in files if hashlib.sha256(path.read_bytes()).hexdigest() != path.name]

    def image(self, name: str) -> Any:
        """An image's record."""
        return self.call(images_pb2_grpc.ImagesStub, "Get", images_pb2.GetImageRequest(name=name)).image

    def snapshots(self) -> list[str]:
        """The names of all snapshots."""
        request = snapshots_pb2.ListSnapshotsRequest(snapshotter="overlayfs")
        answers = self.call(snapshots_pb2_grpc.SnapshotsStub, "List", request)
        return [info.name for answer in answers for info in answer.info]

    def collect(self) -> None:
        """Remove every image and every lease, and wait for the collector."""
        leases = self.call(leases_pb2_grpc.LeasesStub, "List", leases_pb2.ListRequest()).leases
        for lease in leases:
            assert "containerd.io/gc.expire" in lease.labels, f"a lease for ever: {lease}"
            self.call(leases_pb2_grpc.LeasesStub, "Delete", leases_pb2.DeleteRequest(id=lease.id))
        for image in self.call(images_pb2_grpc.ImagesStub, "List", images_pb2.ListImagesRequest()).images:
            self.call(images_pb2_grpc.ImagesStub, "Delete", images_pb2.DeleteImageRequest(name=image.name, sync=True))
        last = leases_pb2.CreateRequest(id="last")
        self.call(leases_pb2_grpc.LeasesStub, "Create", last)
        self.call(leases_pb2_grpc.LeasesStub, "Delete", leases_pb2.DeleteRequest(id="last", sync=True))

    def left_on_disk(self) -> list[str]:
        """Blobs, ingests and snapshots' folders."""
        content = self.supervisor.root / "io.containerd.content.v1.content"
        folders = [content / "blobs" / "sha256", content / "ingest"]
        folders.append(self.supervisor.root / "io.containerd.snapshotter.v1.overlayfs" / "snapshots")
        return [str(path) for folder in folders if folder.exists() for path in folder.iterdir()]


def until(condition: Callable[[], bool], what: str | Callable[[], str]) -> None:
    """Wait for what tells nobody when it happens."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(what() if callable(what) else what)
        time.sleep(0.01)


def _alive(pid: int) -> bool:
    """Whether the process runs; a zombie that the machine's init has not collected does not."""
    try:
        return pid > 0 and Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def _value(pid: int, flag: str) -> str:
    with contextlib.suppress(OSError, ValueError, IndexError):
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        return words[words.index(flag) + 1]
    return f"pid {pid}"


def _processes() -> Iterator[tuple[int, list[bytes]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                yield int(entry.name), (entry / "cmdline").read_bytes().split(b"\0")


def _environment(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []
