"""Sandboxes outlive the supervisor, and end with their shim."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from proto import anys
from proto.containerd.services.sandbox.v1 import sandbox_pb2 as api
from proto.containerd.services.sandbox.v1 import sandbox_pb2_grpc
from proto.containerd.types.sandbox_pb2 import Sandbox
from tests import needs
from tests.contract.shim_v2 import alive
from tests.crash_house import until
from tests.supervisor_process import Supervisor

pytestmark = [needs.root, needs.overlay, needs.binary("busybox"), needs.binary("ctr")]

NAMESPACE = f"sandboxes-{os.getpid()}"
SPEC = {"hostname": "pod", "linux": {"namespaces": [{"type": "uts"}, {"type": "pid"}]}}


def call(supervisor: Supervisor, method: str, request: Any) -> Any:
    """A call of the controller, on a connection of its own: the daemon is another one every time."""
    request.sandboxer = "shim"
    with grpc.insecure_channel(f"unix:{supervisor.address}") as channel:
        stub = sandbox_pb2_grpc.ControllerStub(channel)
        return getattr(stub, method)(request, metadata=[("containerd-namespace", NAMESPACE)], timeout=30)


def started(supervisor: Supervisor, name: str) -> int:
    record = Sandbox(sandbox_id=name, runtime=Sandbox.Runtime(name="io.containerd.wherry.v2"))
    record.spec.CopyFrom(anys.pack_json(anys.SPEC, SPEC))
    call(supervisor, "Create", api.ControllerCreateRequest(sandbox_id=name, sandbox=record))
    pid: int = call(supervisor, "Start", api.ControllerStartRequest(sandbox_id=name)).pid
    return pid


def bundles(supervisor: Supervisor) -> list[str]:
    folder = supervisor.state / "io.containerd.sandbox.controller.v1.shim" / NAMESPACE
    return sorted(os.listdir(folder)) if folder.exists() else []


def shim(supervisor: Supervisor, name: str) -> int:
    """A sandbox's shim; not by way of its pause process, whose first parent may still be about to leave."""
    (found,) = (pid for pid in supervisor.shim_pids() if f"-id\0{name}\0" in Path(f"/proc/{pid}/cmdline").read_text())
    return found


def test_a_supervisors_death_is_none_of_a_sandboxs(own_supervisor: Callable[..., Supervisor]) -> None:
    """Who comes after it finds the sandbox that lives, and clears away the one whose shim died meanwhile."""
    supervisor = own_supervisor()
    lives, dies = started(supervisor, "lives"), started(supervisor, "dies")
    dead = shim(supervisor, "dies")
    supervisor.kill()
    os.kill(dead, signal.SIGKILL)
    supervisor.start()
    status = call(supervisor, "Status", api.ControllerStatusRequest(sandbox_id="lives"))
    assert (status.state, status.pid) == ("SANDBOX_READY", lives)
    assert call(supervisor, "Status", api.ControllerStatusRequest(sandbox_id="dies")).state == ""
    assert bundles(supervisor) == ["lives"]
    call(supervisor, "Shutdown", api.ControllerShutdownRequest(sandbox_id="lives"))
    assert bundles(supervisor) == []
    until(lambda: not any(alive(pid) for pid in (lives, dies)), "a pause process was left")


def test_a_sandbox_ends_with_its_shim(own_supervisor: Callable[..., Supervisor]) -> None:
    """And whoever asks afterwards is told that there is none."""
    supervisor = own_supervisor()
    pid = started(supervisor, "s1")
    os.kill(shim(supervisor, "s1"), signal.SIGKILL)
    until(lambda: bundles(supervisor) == [], "the dead shim's bundle stays")
    until(lambda: not alive(pid), "the pause process outlives its shim")
    assert call(supervisor, "Status", api.ControllerStatusRequest(sandbox_id="s1")).state == ""
