"""A disk that fills up under the records: refused with the right class, and all well when there is room again."""

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage

from proto.containerd.services.containers.v1 import containers_pb2 as api
from proto.containerd.services.snapshots.v1 import snapshots_pb2 as snapshots
from tests import needs
from tests.fakes.supervisor_servers import Client, container, our_server

pytestmark = needs.root


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(tmp_path)], check=True)
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def create(client: Client, number: int) -> None:
    record = container(f"c{number}", spec=AnyMessage(type_url="x", value=b"x" * 10_000))
    client.containers.Create(api.CreateContainerRequest(container=record), **client.meta())


def fill(client: Client) -> int:
    """Records until one is refused; how many there are."""
    for number in itertools.count():
        try:
            create(client, number)
        except grpc.RpcError:
            break
    with pytest.raises(grpc.RpcError, match="no space left on device") as refused:
        create(client, number)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    return number


def test_a_full_disk_refuses_and_recovers(small_disk: Path) -> None:
    """Reading and deleting go on meanwhile."""
    with our_server(small_disk) as socket:
        client = Client(socket, "ns")
        count = fill(client)
        assert count > 3
        listed = client.containers.List(api.ListContainersRequest(), **client.meta()).containers
        assert len(listed) == count
        prepare = snapshots.PrepareSnapshotRequest(snapshotter="overlayfs", key="k")
        with pytest.raises(grpc.RpcError) as refused:
            client.snapshots.Prepare(prepare, **client.meta())
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
        client.snapshots.Prepare(prepare, **client.meta())
        for number in range(count):
            client.containers.Delete(api.DeleteContainerRequest(id=f"c{number}"), **client.meta())
        client.close()
    with our_server(small_disk) as socket:
        client = Client(socket, "ns")
        assert len(client.containers.List(api.ListContainersRequest(), **client.meta()).containers) == 0
        client.close()
