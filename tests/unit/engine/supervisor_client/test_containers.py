"""Records."""

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.containers import SPEC_TYPE_URL, Containers
from proto.containerd.services.containers.v1 import containers_pb2
from tests.fakes.engine_supervisor import FakeSupervisor


async def test_a_record(server: FakeSupervisor, channel: Channel) -> None:
    containers = Containers(channel)
    await containers.create("c", spec=b"{}", runtime="io.x.v1", snapshotter="overlayfs", snapshot_key="k")
    made = server.request(containers_pb2.CreateContainerRequest).container
    assert (made.id, made.runtime.name, made.spec.type_url, made.snapshot_key) == ("c", "io.x.v1", SPEC_TYPE_URL, "k")
    assert (await containers.get("c")).id == ""
    assert await containers.list("id==c") == []
    await containers.update(made, ["labels"])
    assert list(server.request(containers_pb2.UpdateContainerRequest).update_mask.paths) == ["labels"]
    await containers.delete("c")
    assert server.request(containers_pb2.DeleteContainerRequest).id == "c"
