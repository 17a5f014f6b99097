"""Transfers."""

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.transfer import Transfer, pack
from proto.containerd.services.transfer.v1 import transfer_pb2
from proto.containerd.types.transfer import imagestore_pb2
from tests.fakes.engine_supervisor import FakeSupervisor


async def test_one_call_moves(server: FakeSupervisor, channel: Channel) -> None:
    store = imagestore_pb2.ImageStore(name="n")
    await Transfer(channel).transfer(store, store, progress_stream="p", lease="l")
    request = server.request(transfer_pb2.TransferRequest)
    assert request.source.type_url == pack(store).type_url == "containerd.types.transfer.ImageStore"
    assert request.options.progress_stream == "p"
    assert server.asked[-1][2]["containerd-lease"] == "l"
