"""Sandboxes: records are kept, and the controller `shim` runs them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as Any_

from proto.containerd.services.sandbox.v1 import sandbox_pb2 as api
from proto.containerd.types.mount_pb2 import Mount
from proto.containerd.types.sandbox_pb2 import Sandbox
from proto.errdefs import Fault, InvalidArgument, NotFound
from supervisor.metadata.db import Database
from supervisor.metadata.sandboxes import SandboxTable
from supervisor.services.sandbox import SandboxControllerService, SandboxStoreService
from tests.fakes.grpc_context import Context
from tests.fakes.supervisor_sandbox import AT, SANDBOX_PID, Pods, pods

CONTEXT = Context("ns")
SANDBOX = Sandbox(
    sandbox_id="s1",
    runtime=Sandbox.Runtime(name="io.containerd.runc.v2", options=Any_(type_url="o", value=b"o")),
    spec=Any_(type_url="s", value=b"s"),
    labels={"a": "b"},
    extensions={"e": Any_(type_url="e", value=b"e")},
    sandboxer="podsandbox",
)


async def test_a_record_is_kept_as_it_was_given(tmp_path: Path) -> None:
    db = Database(str(tmp_path / "meta.db"))
    service = SandboxStoreService(SandboxTable(db))
    created = (await service.Create(api.StoreCreateRequest(sandbox=SANDBOX), CONTEXT)).sandbox
    assert created.created_at.seconds > 0
    got = (await service.Get(api.StoreGetRequest(sandbox_id="s1"), CONTEXT)).sandbox
    for field in ("created_at", "updated_at"):
        got.ClearField(field)
    assert got == SANDBOX
    changed = Sandbox(sandbox_id="s1", labels={"a": "c"})
    updated = await service.Update(api.StoreUpdateRequest(sandbox=changed, fields=["labels.a"]), CONTEXT)
    assert updated.sandbox.labels == {"a": "c"}
    listed = await service.List(api.StoreListRequest(filters=['labels."a"==c']), CONTEXT)
    assert [sandbox.sandbox_id for sandbox in listed.list] == ["s1"]
    await service.Delete(api.StoreDeleteRequest(sandbox_id="s1"), CONTEXT)
    with pytest.raises(NotFound):
        await service.Get(api.StoreGetRequest(sandbox_id="s1"), CONTEXT)
    db.close()


@dataclass
class Room:
    """The service and what is behind it."""

    service: SandboxControllerService
    pods: Pods
    store: SandboxTable

    def ask(self, message: Any, sandboxer: str = "shim") -> Any:
        message.sandbox_id = message.sandbox_id or "s1"
        message.sandboxer = sandboxer
        method = type(message).__name__.removeprefix("Controller").removesuffix("Request")
        return getattr(self.service, method)(message, CONTEXT)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    db = Database(str(tmp_path / "meta.db"))
    async with pods(tmp_path) as built:
        store = SandboxTable(db)
        yield Room(SandboxControllerService(built.sandboxes, store, built.runtime.exchange), built, store)
    db.close()


def sandbox(room: Room) -> Sandbox:
    return Sandbox(
        sandbox_id="s1",
        runtime=Sandbox.Runtime(name=room.pods.options.runtime, options=Any_(type_url="containerd.types.Empty")),
        spec=Any_(type_url="s", value=b'{"hostname":"h"}'),
    )


async def test_a_sandboxs_life_over_the_wires_messages(room: Room) -> None:
    """And the events that tell of it, each once."""
    record = sandbox(room)
    mount, options = Mount(type="bind"), Any_(type_url="o", value=b"x")
    create = api.ControllerCreateRequest(
        sandbox=record, rootfs=[mount], options=options, netns_path="/n", annotations={"a": "b"}
    )
    assert (await room.ask(create)).sandbox_id == "s1"
    asked: Any = room.pods.fake().calls[0][1]
    assert (list(asked.rootfs), asked.options, asked.netns_path, dict(asked.annotations)) == (
        [mount],
        options,
        "/n",
        {"a": "b"},
    )
    started = await room.ask(api.ControllerStartRequest())
    assert (started.pid, started.created_at) == (SANDBOX_PID, AT)
    assert (await room.ask(api.ControllerPlatformRequest())).platform.os == "linux"
    status = await room.ask(api.ControllerStatusRequest(verbose=True))
    assert (status.pid, status.state, dict(status.info)) == (SANDBOX_PID, "SANDBOX_READY", {"more": "yes"})
    assert (await room.ask(api.ControllerMetricsRequest())).metrics.id == "s1"
    await room.ask(api.ControllerUpdateRequest(sandbox=record))
    await room.ask(api.ControllerStopRequest(timeout_secs=7))
    for _ in range(2):
        assert (await room.ask(api.ControllerWaitRequest())).exit_status == 9
    await room.ask(api.ControllerShutdownRequest())
    assert room.pods.runtime.exchange.topics == ["/sandboxes/create", "/sandboxes/start", "/sandboxes/exit"]


async def test_a_record_in_the_store_is_enough(room: Room) -> None:
    """Clients of containerd 1.7 name it only."""
    await SandboxStoreService(room.store).Create(api.StoreCreateRequest(sandbox=sandbox(room)), CONTEXT)
    await room.ask(api.ControllerCreateRequest())
    assert room.pods.fake().id == "s1"
    with pytest.raises(NotFound):
        await room.ask(api.ControllerCreateRequest(sandbox_id="s2"))


async def test_a_start_that_fails_says_so(room: Room) -> None:
    room.pods.runtime.launcher.next_fail["StartSandbox"] = Fault("no")
    await room.ask(api.ControllerCreateRequest(sandbox=sandbox(room)))
    with pytest.raises(Fault, match='failed to start sandbox "s1": failed to start sandbox s1: no'):
        await room.ask(api.ControllerStartRequest())


REQUESTS = [
    api.ControllerCreateRequest(),
    api.ControllerStartRequest(),
    api.ControllerPlatformRequest(),
    api.ControllerStopRequest(),
    api.ControllerWaitRequest(),
    api.ControllerStatusRequest(),
    api.ControllerShutdownRequest(),
    api.ControllerMetricsRequest(),
    api.ControllerUpdateRequest(),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request_: type(request_).__name__)
async def test_another_controller_is_refused_by_name(room: Room, request_: Any) -> None:
    with pytest.raises(NotFound, match="failed to get sandbox controller by podsandbox"):
        await room.ask(request_, "podsandbox")
    with pytest.raises(InvalidArgument, match="sandbox controller name can not be empty"):
        await room.ask(request_, "")


async def test_an_update_without_a_sandbox_is_refused(room: Room) -> None:
    with pytest.raises(InvalidArgument, match="sandbox can not be nil"):
        await room.ask(api.ControllerUpdateRequest())
