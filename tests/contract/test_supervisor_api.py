"""One suite for the Tasks API: on our supervisor with two shims, and on containerd of two generations.

What passes on all of them is the interface; where containerd itself is not of one mind, the test says so.
"""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage

from proto import anys
from proto.containerd.events.task_pb2 import TaskExit
from proto.containerd.services.containers.v1 import containers_pb2, containers_pb2_grpc
from proto.containerd.services.events.v1 import events_pb2, events_pb2_grpc
from proto.containerd.services.tasks.v1 import tasks_pb2 as api
from proto.containerd.services.tasks.v1 import tasks_pb2_grpc
from proto.containerd.types.mount_pb2 import Mount
from proto.containerd.types.task.task_pb2 import Status
from tests import needs
from tests.fakes.supervisor_servers import find_containerd, real_containerd
from tests.supervisor_process import Supervisor, cgroups_are_all_mounted, eventually

pytestmark = [
    needs.root,
    needs.binary("runc"),
    needs.binary("containerd"),
    needs.binary("containerd-shim-runc-v2"),
    needs.binary("busybox"),
]

RUNC = "io.containerd.runc.v2"
NEWEST = find_containerd()
IMPLEMENTATIONS = [
    pytest.param(("ours", RUNC), id="ours-runc-shim"),
    pytest.param(("ours", "io.containerd.wherry.v2"), id="ours-wherry-shim"),
    pytest.param(("/usr/bin/containerd", RUNC), id="containerd-debian"),
    pytest.param(
        (NEWEST, RUNC),
        id="containerd-newest",
        marks=pytest.mark.skipif(NEWEST in (None, "/usr/bin/containerd"), reason="needs the peers"),
    ),
]
NAMESPACE = "contract"
NAMESPACES = ("pid", "mount", "ipc", "uts", "network")


@dataclass
class Client:
    """The API with one namespace, and containers to run."""

    tasks: Any
    containers: Any
    events: Any
    runtime: str
    rootfs: Path
    folder: Path
    numbers: "count[int]"

    def call(self, method: str, request: Any) -> Any:
        return getattr(self.tasks, method)(request, metadata=[("containerd-namespace", NAMESPACE)], timeout=30)

    def container(self, *command: str, runtime: str = "") -> str:
        """A record of a container that runs the command."""
        name = f"c{next(self.numbers)}"
        spec = {
            "ociVersion": "1.0.2",
            "process": {
                "args": list(command),
                "cwd": "/",
                "env": ["PATH=/bin"],
                "user": {"uid": 0, "gid": 0},
                "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]},
            },
            "root": {"path": "rootfs"},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            ],
            "linux": {
                "namespaces": [{"type": kind} for kind in NAMESPACES],
                "cgroupsPath": f"/wherry-contract-{os.getpid()}/{name}",
            },
        }
        record = containers_pb2.Container(id=name, spec=anys.pack_json(anys.SPEC, spec))
        record.runtime.name = runtime or self.runtime
        request = containers_pb2.CreateContainerRequest(container=record)
        self.containers.Create(request, metadata=[("containerd-namespace", NAMESPACE)])
        return name

    def create(self, *command: str) -> str:
        """A created task; its output goes to `output(name)`."""
        name = self.container(*command)
        log = f"file://{self.folder / name}"
        mount = Mount(type="bind", source=str(self.rootfs), options=["rbind", "ro"])
        self.call("Create", api.CreateTaskRequest(container_id=name, rootfs=[mount], stdout=log, stderr=log))
        return name

    def run(self, *command: str) -> str:
        name = self.create(*command)
        self.call("Start", api.StartRequest(container_id=name))
        return name

    def output(self, name: str) -> str:
        return (self.folder / name).read_text()

    def status(self, name: str, exec_id: str = "") -> int:
        return int(self.call("Get", api.GetRequest(container_id=name, exec_id=exec_id)).process.status)

    def end(self, name: str) -> Any:
        self.call("Kill", api.KillRequest(container_id=name, signal=9))
        self.call("Wait", api.WaitRequest(container_id=name))
        return self.call("Delete", api.DeleteTaskRequest(container_id=name))


@pytest.fixture(scope="module")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Busybox, and nothing else."""
    folder = tmp_path_factory.mktemp("rootfs")
    for name in ("bin", "proc", "dev", "sys"):
        (folder / name).mkdir()
    program = shutil.which("busybox")
    assert program is not None
    shutil.copy(program, folder / "bin" / "busybox")
    for name in ("sh", "sleep", "echo", "cat", "true"):
        (folder / "bin" / name).symlink_to("busybox")
    return folder


@pytest.fixture(scope="module")
def sockets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The socket of an implementation, started when first asked for."""
    started: dict[str, str] = {}
    with ExitStack() as stack:

        def socket(program: str) -> str:
            if program not in started:
                folder = tmp_path_factory.mktemp("d")
                if program == "ours":
                    started[program] = stack.enter_context(Supervisor(folder)).address
                else:
                    started[program] = str(stack.enter_context(real_containerd(folder, program)))
            return started[program]

        yield socket


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def client(
    request: pytest.FixtureRequest,
    sockets: Callable[[str], str],
    rootfs: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Client]:
    program, runtime = request.param
    with grpc.insecure_channel(f"unix:{sockets(program)}") as channel:
        one = Client(
            tasks_pb2_grpc.TasksStub(channel),
            containers_pb2_grpc.ContainersStub(channel),
            events_pb2_grpc.EventsStub(channel),
            runtime,
            rootfs,
            tmp_path_factory.mktemp("out"),
            count(sum(map(ord, runtime + program))),
        )
        yield one
        for process in one.call("List", api.ListTasksRequest()).tasks:
            one.end(process.id)


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


def test_a_task_goes_through_its_states(client: Client) -> None:
    name = client.create("sleep", "1000")
    assert client.status(name) == Status.CREATED
    pid = client.call("Start", api.StartRequest(container_id=name)).pid
    assert client.status(name) == Status.RUNNING
    eventually(lambda: Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x001000\x00")
    client.call("Kill", api.KillRequest(container_id=name, signal=9))
    end = client.call("Wait", api.WaitRequest(container_id=name))
    assert end.exit_status == 137
    process = client.call("Get", api.GetRequest(container_id=name)).process
    assert (process.id, process.pid, process.status, process.exit_status) == (name, pid, Status.STOPPED, 137)
    assert process.exited_at == end.exited_at
    deleted = client.call("Delete", api.DeleteTaskRequest(container_id=name))
    assert (deleted.pid, deleted.exit_status, deleted.exited_at) == (pid, 137, end.exited_at)
    assert refused(lambda: client.status(name)) == (grpc.StatusCode.NOT_FOUND, f"task {name} not found")


def test_output_and_exit_code_arrive(client: Client) -> None:
    name = client.create("sh", "-c", "echo out; echo err >&2; sleep 0.2; exit 42")
    waiting = client.tasks.Wait.future(
        api.WaitRequest(container_id=name), metadata=[("containerd-namespace", NAMESPACE)], timeout=30
    )
    client.call("Start", api.StartRequest(container_id=name))
    assert waiting.result().exit_status == 42
    assert client.call("Wait", api.WaitRequest(container_id=name)).exit_status == 42
    client.call("Delete", api.DeleteTaskRequest(container_id=name))
    eventually(lambda: sorted(client.output(name).splitlines()) == ["err", "out"])


def test_an_exec_goes_through_its_states(client: Client) -> None:
    name = client.run("sleep", "1000")
    spec = anys.pack_json(anys.PROCESS, {"args": ["sh", "-c", "sleep 0.2; exit 9"], "cwd": "/", "env": ["PATH=/bin"]})
    request = api.ExecProcessRequest(container_id=name, exec_id="e1", spec=spec)
    client.call("Exec", request)
    assert client.status(name, "e1") == Status.CREATED
    assert refused(lambda: client.call("Exec", request))[0] == grpc.StatusCode.ALREADY_EXISTS
    pid = client.call("Start", api.StartRequest(container_id=name, exec_id="e1")).pid
    assert pid > 0
    assert client.status(name, "e1") == Status.RUNNING
    assert client.call("Wait", api.WaitRequest(container_id=name, exec_id="e1")).exit_status == 9
    deleted = client.call("DeleteProcess", api.DeleteProcessRequest(container_id=name, exec_id="e1"))
    assert (deleted.id, deleted.pid, deleted.exit_status) == ("e1", pid, 9)
    assert refused(lambda: client.status(name, "e1"))[0] == grpc.StatusCode.NOT_FOUND
    assert client.status(name) == Status.RUNNING
    client.end(name)


def test_pids_metrics_pause_and_update(client: Client) -> None:
    name = client.run("sleep", "1000")
    pid = client.call("Get", api.GetRequest(container_id=name)).process.pid
    listed = client.call("ListPids", api.ListPidsRequest(container_id=name)).processes
    assert [process.pid for process in listed] == [pid]
    if client.runtime != RUNC or cgroups_are_all_mounted():
        (metric,) = client.call("Metrics", api.MetricsRequest(filters=[f"id=={name}"])).metrics
        assert metric.id == name
        assert metric.data.type_url.startswith("io.containerd.cgroups.v")
    client.call("Pause", api.PauseTaskRequest(container_id=name))
    assert client.status(name) == Status.PAUSED
    client.call("Resume", api.ResumeTaskRequest(container_id=name))
    assert client.status(name) == Status.RUNNING
    resources = anys.pack_json(anys.LINUX_RESOURCES, {"pids": {"limit": 77}})
    client.call("Update", api.UpdateTaskRequest(container_id=name, resources=resources))
    client.end(name)


def listen(told: Any, heard: "queue.SimpleQueue[Any]") -> None:
    with suppress(grpc.RpcError):  # cancelled, when all was heard
        for envelope in told:
            heard.put(envelope)


def test_events_tell_the_story_in_order(client: Client) -> None:
    told = client.events.Subscribe(events_pb2.SubscribeRequest(filters=[f"namespace=={NAMESPACE}"]), timeout=30)
    heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listener = threading.Thread(target=listen, args=(told, heard))
    listener.start()
    probe = events_pb2.PublishRequest(topic="/tests/probe", event=anys.pack(TaskExit(container_id="probe")))
    while heard.empty():  # containerd does not say when it listens: it is asked until it answers
        client.events.Publish(probe, metadata=[("containerd-namespace", NAMESPACE)])
        time.sleep(0.02)
    name = client.run("sh", "-c", "exit 3")
    client.call("Wait", api.WaitRequest(container_id=name))
    client.call("Delete", api.DeleteTaskRequest(container_id=name))
    topics, status = [], None
    while "/tasks/exit" not in topics:
        envelope = heard.get(timeout=20)
        event = anys.unpack(envelope.event)
        if getattr(event, "container_id", "") != name:
            continue
        topics.append(envelope.topic)
        assert envelope.timestamp.seconds > 0
        if isinstance(event, TaskExit):
            status = event.exit_status
    told.cancel()
    listener.join()
    # "/tasks/delete" follows, but for a shim of containerd's that was faster to leave than to tell
    assert topics == ["/tasks/create", "/tasks/start", "/tasks/exit"]
    assert status == 3


def test_what_is_not_there_is_named(client: Client) -> None:
    name = client.container("true")
    missing = (grpc.StatusCode.NOT_FOUND, f'container "nobody" in namespace "{NAMESPACE}": not found')
    assert refused(lambda: client.call("Create", api.CreateTaskRequest(container_id="nobody"))) == missing
    assert refused(lambda: client.call("Kill", api.KillRequest(container_id="nobody", signal=9))) == missing
    no_task = (grpc.StatusCode.NOT_FOUND, f"task {name} not found")
    assert refused(lambda: client.call("Start", api.StartRequest(container_id=name))) == no_task
    assert refused(lambda: client.call("Delete", api.DeleteTaskRequest(container_id=name))) == no_task


def test_what_is_there_already_is_not_made_again(client: Client) -> None:
    name = client.run("sleep", "1000")
    again = refused(lambda: client.call("Create", api.CreateTaskRequest(container_id=name)))
    assert again == (grpc.StatusCode.ALREADY_EXISTS, f"task {name}: already exists")
    assert refused(lambda: client.call("Start", api.StartRequest(container_id=name)))[0] == grpc.StatusCode.UNKNOWN
    assert client.status(name) == Status.RUNNING
    client.end(name)


def test_a_running_task_is_not_deleted(client: Client) -> None:
    name = client.run("sleep", "1000")
    code, _ = refused(lambda: client.call("Delete", api.DeleteTaskRequest(container_id=name)))
    # containerd passes on what its shim says, without a class; the client library knows the better one
    assert code in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.FAILED_PRECONDITION)
    assert client.status(name) == Status.RUNNING
    client.end(name)


def test_what_has_finished_cannot_be_killed(client: Client) -> None:
    name = client.run("true")
    client.call("Wait", api.WaitRequest(container_id=name))
    code, words = refused(lambda: client.call("Kill", api.KillRequest(container_id=name, signal=9)))
    assert (code, words) == (grpc.StatusCode.NOT_FOUND, "process already finished: not found")
    client.call("Delete", api.DeleteTaskRequest(container_id=name))


def test_a_program_that_is_not_there_fails_create(client: Client) -> None:
    name = client.container("nope")
    mount = Mount(type="bind", source=str(client.rootfs), options=["rbind", "ro"])
    code, words = refused(lambda: client.call("Create", api.CreateTaskRequest(container_id=name, rootfs=[mount])))
    assert code == grpc.StatusCode.UNKNOWN
    assert words.startswith("failed to create shim task: OCI runtime create failed: ")
    assert 'exec: "nope": executable file not found in $PATH' in words
    assert refused(lambda: client.status(name)) == (grpc.StatusCode.NOT_FOUND, f"task {name} not found")
    eventually(lambda: f"/{name}/rootfs" not in Path("/proc/self/mountinfo").read_text())


def test_a_runtime_that_is_not_there_fails_create(client: Client) -> None:
    name = client.container("true", runtime="io.containerd.nope.v1")
    code, words = refused(lambda: client.call("Create", api.CreateTaskRequest(container_id=name)))
    assert code in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.NOT_FOUND)
    assert words.removesuffix(": unknown") == (
        'failed to start shim: failed to resolve runtime path: runtime "io.containerd.nope.v1" '
        'binary not installed "containerd-shim-nope-v1": file does not exist'
    )


@pytest.mark.parametrize("exec_id", ["", "../e", "a" * 77])
def test_an_exec_needs_a_good_name(client: Client, exec_id: str) -> None:
    name = client.run("sleep", "1000")
    spec = AnyMessage(type_url=anys.PROCESS, value=json.dumps({"args": ["true"], "cwd": "/"}).encode())
    request = api.ExecProcessRequest(container_id=name, exec_id=exec_id, spec=spec)
    code, words = refused(lambda: client.call("Exec", request))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert words.startswith("exec id cannot be empty" if not exec_id else f"invalid exec id {exec_id}: identifier ")
    client.end(name)


def test_a_call_without_a_namespace_is_refused(client: Client) -> None:
    code, words = refused(lambda: client.tasks.List(api.ListTasksRequest(), timeout=30))
    assert (code, words) == (grpc.StatusCode.FAILED_PRECONDITION, "namespace is required: failed precondition")


@pytest.fixture(scope="module", autouse=True)
def no_cgroups_left() -> Iterator[None]:
    """Remove the folder under which the containers had theirs."""
    yield
    pattern = f"wherry-contract-{os.getpid()}"
    for folder in Path("/sys/fs/cgroup").glob(f"*/{pattern}"):
        subprocess.run(["rmdir", *folder.glob("*"), folder], check=False, capture_output=True)
