"""The daemon, put together and taken apart."""

import os
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.tasks.v1.tasks_pb2 import ListTasksRequest
from proto.containerd.services.tasks.v1.tasks_pb2_grpc import TasksStub
from proto.containerd.services.version.v1.version_pb2_grpc import VersionStub
from proto.errdefs import FailedPrecondition
from supervisor.daemon import Daemon
from tests.fakes.supervisor_config import private_config


async def test_it_answers_when_it_has_started_and_takes_its_sockets_away(tmp_path: Path) -> None:
    daemon = Daemon(private_config(tmp_path))
    await daemon.start()
    try:
        async with grpc.aio.insecure_channel(f"unix:{tmp_path}/s.sock") as channel:
            assert "wherry" in (await VersionStub(channel).Version(Empty())).version
            listed = await TasksStub(channel).List(ListTasksRequest(), metadata=(("containerd-namespace", "ns"),))
            assert list(listed.tasks) == []
        for name in ("s.sock", "s.sock.ttrpc", "debug.sock"):
            assert (tmp_path / name).is_socket()
    finally:
        await daemon.stop()
    assert [name for name in os.listdir(tmp_path) if ".sock" in name] == []


async def test_two_cannot_share_a_root_but_follow_one_another(tmp_path: Path) -> None:
    first = Daemon(private_config(tmp_path))
    with pytest.raises(FailedPrecondition, match="another daemon"):
        Daemon(private_config(tmp_path))
    await first.stop()
    await Daemon(private_config(tmp_path)).stop()
