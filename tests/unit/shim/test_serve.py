"""The server's log, and a whole server on a socket."""

import asyncio
import logging
import socket
from pathlib import Path

import pytest

from proto.containerd.runtime.task.v2 import shim_pb2 as v2
from proto.containerd.runtime.task.v3 import shim_pb2 as v3
from proto.ttrpc.client import Client
from shim.args import parse
from shim.runtime import SpawnLauncher
from shim.serve import LogFormat, Shim, warm_up


def test_log_lines_are_containerds() -> None:
    """It copies them into its own log; one event is one line."""
    record = logging.LogRecord("shim", logging.WARNING, "", 0, 'a "b"\nc', None, None)
    record.created, record.msecs, record.id = 0.0, 5.0, "c1"
    line = LogFormat().format(record)
    assert line == 'time="1970-01-01T00:00:00.005000000Z" level=warning msg="a \\"b\\"\\nc" id=c1'


async def test_both_task_services_are_served_until_shutdown(tmp_path: Path) -> None:
    """containerd 1.x asks for one, 2.x for the other."""
    path = str(tmp_path / "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    shim = Shim(parse(["-namespace", "n", "-id", "c1"]), SpawnLauncher(), "")
    await shim._server.serve(listener)  # not `open`: the test's children are none of its business
    client = await Client.connect(path)
    for api in (v2, v3):
        stub = client.stub(api.DESCRIPTOR.services_by_name["Task"])
        assert (await stub.Connect(api.ConnectRequest(id="c1"))).shim_pid > 0
    await client.stub(v2.DESCRIPTOR.services_by_name["Task"]).Shutdown(v2.ShutdownRequest(id="c1"))
    await asyncio.wait_for(shim.stopped.wait(), 1)
    await client.aclose()
    await shim.close(path)
    assert not Path(path).exists()


def test_warming_up_leaves_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """And sets up the log once."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(logging, "raiseExceptions", True)
    level = root.level
    warm_up()
    warm_up()
    assert len(root.handlers) == 1
    root.setLevel(level)
