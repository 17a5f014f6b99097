"""The sandbox controller `shim`, ours and the newest containerd's, over our shim: pause processes and containers."""

import contextlib
import os
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest

from proto import anys
from proto.containerd.services.containers.v1 import containers_pb2, containers_pb2_grpc
from proto.containerd.services.events.v1 import events_pb2, events_pb2_grpc
from proto.containerd.services.sandbox.v1 import sandbox_pb2 as api
from proto.containerd.services.sandbox.v1 import sandbox_pb2_grpc
from proto.containerd.services.tasks.v1 import tasks_pb2 as tasks
from proto.containerd.services.tasks.v1 import tasks_pb2_grpc
from proto.containerd.types.mount_pb2 import Mount
from proto.containerd.types.sandbox_pb2 import Sandbox
from tests import needs
from tests.containerd_process import Containerd
from tests.contract.test_shim_v2_containerd import peers_path
from tests.crash_house import until
from tests.shim_process import busybox_tree
from tests.supervisor_process import ROOT, Supervisor

pytestmark = [needs.root, needs.binary("busybox")]

SHIM = str(ROOT / "deploy" / "bin" / "containerd-shim-wherry-v2")
NAMESPACE = f"pods-{os.getpid()}"
NUMBERS = count(1)
METADATA = [("containerd-namespace", NAMESPACE)]
SPEC = {
    "ociVersion": "1.0.2",
    "hostname": "pod-host",
    "linux": {"namespaces": [{"type": kind} for kind in ("ipc", "network", "pid", "uts")]},
}
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
]


class Door:
    """Calls of a daemon's services."""

    def __init__(self, address: str, *, ours: bool) -> None:
        self.ours = ours
        self.channel = grpc.insecure_channel(f"unix:{address}")

    def call(self, stub: Any, method: str, request: Any) -> Any:
        return getattr(stub(self.channel), method)(request, metadata=METADATA, timeout=30)

    def sandbox(self, method: str, request: Any) -> Any:
        request.sandboxer = "shim"
        return self.call(sandbox_pb2_grpc.ControllerStub, method, request)

    def task(self, method: str, request: Any) -> Any:
        return self.call(tasks_pb2_grpc.TasksStub, method, request)


@pytest.fixture(scope="module", params=["wherry", pytest.param("newest", marks=needs.peers)])
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("daemon")
    if request.param == "wherry":
        daemon: Any = Supervisor(folder)
    else:
        daemon = Containerd(folder, f"{peers_path().partition(':')[0]}/containerd")
    with daemon:
        door = Door(daemon.address, ours=request.param == "wherry")
        yield door
        door.channel.close()
    with contextlib.suppress(OSError):
        Path("/run/containerd/runc", NAMESPACE).rmdir()


@pytest.fixture
def record(door: Door) -> Iterator[Sandbox]:
    """A sandbox's record; what runs of it is taken away at the end."""
    name = f"s{next(NUMBERS)}-{os.getpid()}"
    record = Sandbox(sandbox_id=name, sandboxer="shim", runtime=Sandbox.Runtime(name=SHIM))
    record.spec.CopyFrom(anys.pack_json(anys.SPEC, SPEC))
    door.call(sandbox_pb2_grpc.StoreStub, "Create", api.StoreCreateRequest(sandbox=record))
    yield record
    for method, message in (("Stop", api.ControllerStopRequest), ("Shutdown", api.ControllerShutdownRequest)):
        try:
            door.sandbox(method, message(sandbox_id=name))
        except grpc.RpcError:
            continue  # the test has done it
    door.call(sandbox_pb2_grpc.StoreStub, "Delete", api.StoreDeleteRequest(sandbox_id=name))


def create(door: Door, record: Sandbox, **more: Any) -> None:
    door.sandbox("Create", api.ControllerCreateRequest(sandbox_id=record.sandbox_id, sandbox=record, **more))


def start(door: Door, record: Sandbox) -> int:
    pid: int = door.sandbox("Start", api.ControllerStartRequest(sandbox_id=record.sandbox_id)).pid
    return pid


def status(door: Door, record: Sandbox) -> api.ControllerStatusResponse:
    request = api.ControllerStatusRequest(sandbox_id=record.sandbox_id, verbose=True)
    found: api.ControllerStatusResponse = door.sandbox("Status", request)
    return found


def test_a_pause_process_holds_the_namespaces_until_it_is_stopped(door: Door, record: Sandbox) -> None:
    create(door, record, annotations={"a": "b"})
    assert (status(door, record).state, status(door, record).pid) == ("SANDBOX_NOTREADY", 0)
    pid = start(door, record)
    found = status(door, record)
    assert (found.state, found.pid, found.info["kind"]) == ("SANDBOX_READY", pid, "pause")
    if door.ours:  # containerd 2.1 keeps them to itself
        assert found.info["annotations"] == '{"a": "b"}'
    for kind in ("ipc", "net", "uts"):
        assert os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")
    assert Path(f"/proc/{pid}/status").read_text().count("\t1\n")  # the first process of a pid namespace
    if door.ours:  # containerd's service has no such method
        platform = door.sandbox("Platform", api.ControllerPlatformRequest(sandbox_id=record.sandbox_id)).platform
        assert platform.os == "linux"
    door.sandbox("Stop", api.ControllerStopRequest(sandbox_id=record.sandbox_id, timeout_secs=20))
    end = door.sandbox("Wait", api.ControllerWaitRequest(sandbox_id=record.sandbox_id))
    assert (end.exit_status, end.exited_at.seconds > 0) == (0, True)
    assert status(door, record).state == "SANDBOX_NOTREADY"
    door.sandbox("Shutdown", api.ControllerShutdownRequest(sandbox_id=record.sandbox_id))
    assert not Path(f"/proc/{pid}").exists()


def test_two_of_one_name_are_refused(door: Door, record: Sandbox) -> None:
    create(door, record)
    with pytest.raises(grpc.RpcError) as failure:
        create(door, record)
    assert failure.value.code() == grpc.StatusCode.ALREADY_EXISTS  # type: ignore[attr-defined]  # grpc's own class


def test_a_killed_pause_process_is_noticed(door: Door, record: Sandbox) -> None:
    create(door, record)
    os.kill(start(door, record), signal.SIGKILL)
    end = door.sandbox("Wait", api.ControllerWaitRequest(sandbox_id=record.sandbox_id))
    assert end.exit_status == 128 + signal.SIGKILL


def test_namespaces_that_cannot_be_held_are_refused(door: Door, record: Sandbox) -> None:
    record.spec.CopyFrom(anys.pack_json(anys.SPEC, {"linux": {"namespaces": [{"type": "time"}]}}))
    with pytest.raises(grpc.RpcError, match="cannot hold namespaces of type time"):
        create(door, record)


@needs.overlay
def test_a_container_lives_in_the_sandboxs_shim(door: Door, record: Sandbox, tmp_path: Path) -> None:
    """It joins the namespaces of the pause process by their paths, as CRI writes them into the spec."""
    create(door, record)
    pid = start(door, record)
    rootfs = busybox_tree(tmp_path / "rootfs")
    name = f"in-{record.sandbox_id}"
    kinds = {"ipc": "ipc", "network": "net", "pid": "pid", "uts": "uts"}
    spec = {
        "ociVersion": "1.0.2",
        "process": {"args": ["sh", "-c", "hostname; exit 5"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0}},
        "root": {"path": "rootfs"},
        "mounts": MOUNTS,
        "annotations": {"io.kubernetes.cri.sandbox-id": record.sandbox_id},
        "linux": {
            "cgroupsPath": f"/wherry-{NAMESPACE}/{name}",
            "namespaces": [
                {"type": "mount"},
                *({"type": kind, "path": f"/proc/{pid}/ns/{file}"} for kind, file in kinds.items()),
            ],
        },
    }
    container = containers_pb2.Container(
        id=name, sandbox=record.sandbox_id, spec=anys.pack_json(anys.SPEC, spec), runtime={"name": SHIM}
    )
    request = containers_pb2.CreateContainerRequest(container=container)
    door.call(containers_pb2_grpc.ContainersStub, "Create", request)
    try:
        output = tmp_path / "out"
        mount = Mount(type="bind", source=str(rootfs), options=["rbind", "ro"])
        create_ = tasks.CreateTaskRequest(container_id=name, rootfs=[mount], stdout=f"file://{output}")
        door.task("Create", create_)
        door.task("Start", tasks.StartRequest(container_id=name))
        assert door.task("Wait", tasks.WaitRequest(container_id=name)).exit_status == 5
        door.task("Delete", tasks.DeleteTaskRequest(container_id=name))
        assert output.read_text() == "pod-host\n"
        assert status(door, record).state == "SANDBOX_READY"  # the last container is gone, and the sandbox is not
    finally:
        door.call(containers_pb2_grpc.ContainersStub, "Delete", containers_pb2.DeleteContainerRequest(id=name))
        for folder in Path("/sys/fs/cgroup").glob(f"*/wherry-{NAMESPACE}"):
            folder.rmdir()


@needs.overlay
def test_with_a_root_file_system_it_is_a_container(door: Door, record: Sandbox, tmp_path: Path) -> None:
    rootfs = busybox_tree(tmp_path / "rootfs")
    process = {"args": ["sleep", "1000"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0}}
    cgroup = f"wherry-{NAMESPACE}-own"
    document = {**SPEC, "process": process, "root": {"path": "rootfs"}, "mounts": MOUNTS}
    document["linux"] = {"namespaces": [{"type": "mount"}, {"type": "pid"}], "cgroupsPath": f"/{cgroup}/x"}
    record.spec.CopyFrom(anys.pack_json(anys.SPEC, {key: document[key] for key in document if key != "hostname"}))
    create(door, record, rootfs=[Mount(type="bind", source=str(rootfs), options=["rbind", "ro"])])
    try:
        pid = start(door, record)
        until(lambda: b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes(), "the program never ran")
        metrics = door.sandbox("Metrics", api.ControllerMetricsRequest(sandbox_id=record.sandbox_id)).metrics
        assert metrics.data.type_url.startswith("io.containerd.cgroups.")
        door.sandbox("Shutdown", api.ControllerShutdownRequest(sandbox_id=record.sandbox_id))
        assert not Path(f"/proc/{pid}").exists()
    finally:
        with contextlib.suppress(grpc.RpcError):
            door.sandbox("Shutdown", api.ControllerShutdownRequest(sandbox_id=record.sandbox_id))
        for folder in Path("/sys/fs/cgroup").glob(f"*/{cgroup}"):
            folder.rmdir()


@pytest.mark.parametrize("name", ["", "nope"])
def test_an_unknown_controller_is_refused_by_name(door: Door, name: str) -> None:
    expected = {"": grpc.StatusCode.INVALID_ARGUMENT, "nope": grpc.StatusCode.NOT_FOUND}
    with pytest.raises(grpc.RpcError) as failure:
        door.call(sandbox_pb2_grpc.ControllerStub, "Stop", api.ControllerStopRequest(sandbox_id="x", sandboxer=name))
    assert failure.value.code() == expected[name]  # type: ignore[attr-defined]  # grpc's own class


def test_events_tell_of_a_sandboxs_life(door: Door, record: Sandbox) -> None:
    if not door.ours:
        pytest.skip("containerd does not say when a subscriber begins to hear")
    request = events_pb2.SubscribeRequest(filters=['topic~="/sandboxes/"'])
    stream = events_pb2_grpc.EventsStub(door.channel).Subscribe(request, metadata=METADATA, timeout=60)
    stream.initial_metadata()  # listening
    create(door, record)
    start(door, record)
    door.sandbox("Stop", api.ControllerStopRequest(sandbox_id=record.sandbox_id))
    door.sandbox("Wait", api.ControllerWaitRequest(sandbox_id=record.sandbox_id))
    topics = [next(stream).topic for _ in range(3)]
    stream.cancel()
    assert topics == ["/sandboxes/create", "/sandboxes/start", "/sandboxes/exit"]
