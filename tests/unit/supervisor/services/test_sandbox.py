"""Sandboxes: records are kept, controllers are not there yet."""

from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any

from proto.containerd.services.sandbox.v1 import sandbox_pb2 as api
from proto.containerd.types.sandbox_pb2 import Sandbox
from proto.errdefs import NotFound, Unimplemented
from supervisor.metadata.db import Database
from supervisor.metadata.sandboxes import SandboxTable
from supervisor.services.sandbox import SandboxControllerService, SandboxStoreService
from tests.fakes.grpc_context import Context

CONTEXT = Context("ns")
SANDBOX = Sandbox(
    sandbox_id="s1",
    runtime=Sandbox.Runtime(name="io.containerd.runc.v2", options=Any(type_url="o", value=b"o")),
    spec=Any(type_url="s", value=b"s"),
    labels={"a": "b"},
    extensions={"e": Any(type_url="e", value=b"e")},
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


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Create", api.ControllerCreateRequest(sandbox_id="s1", sandboxer="podsandbox")),
        ("Start", api.ControllerStartRequest(sandbox_id="s1", sandboxer="podsandbox")),
        ("Platform", api.ControllerPlatformRequest(sandbox_id="s1", sandboxer="podsandbox")),
        ("Stop", api.ControllerStopRequest(sandbox_id="s1", sandboxer="podsandbox")),
        ("Wait", api.ControllerWaitRequest(sandbox_id="s1", sandboxer="podsandbox")),
        ("Status", api.ControllerStatusRequest(sandbox_id="s1", sandboxer="podsandbox")),
        ("Shutdown", api.ControllerShutdownRequest(sandbox_id="s1", sandboxer="podsandbox")),
        ("Metrics", api.ControllerMetricsRequest(sandbox_id="s1", sandboxer="podsandbox")),
        ("Update", api.ControllerUpdateRequest(sandbox_id="s1", sandboxer="podsandbox")),
    ],
)
async def test_a_controller_that_is_not_there_is_named(method: str, request_: object) -> None:
    with pytest.raises(Unimplemented, match='no sandbox controller "podsandbox" in this daemon'):
        await getattr(SandboxControllerService(), method)(request_, CONTEXT)
