"""A shim's whole life, played once in the zygote before it forks any: a container that is only a sleeping child.

What Python does at a code path's first runs (specialising bytecode, filling caches, growing tables) writes to memory. Done
here, it is done once and shared; done in each shim, it costs milliseconds and megabytes there. Nothing of it is kept.
"""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Sequence

from proto import anys
from proto.containerd.runtime.task.v2 import shim_pb2 as api
from proto.containerd.types import mount_pb2
from proto.containerd.types.runc.options import oci_pb2
from proto.ttrpc.client import Client, Stub
from shim.args import Arguments
from shim.runtime import Streams
from shim.serve import Shim

_ID = "rehearsal"
_ROUNDS = 10  # CPython specialises a function after its eighth run
_SPEC = b'{"annotations":{},"linux":{"namespaces":[{"type":"pid"}]}}'
_SECONDS = 10.0


class StandIn:
    """A runtime whose containers are children that sleep."""

    def __init__(self) -> None:
        self._sleepers: dict[str, int] = {}

    def launch(self, argv: Sequence[str], streams: Streams) -> int:
        """Do the verb at once; what is returned is a child that has nothing left to do."""
        words = list(argv)
        if "--pid-file" in words:
            pid = self._sleeper(streams)
            self._sleepers[words[-1] if "create" in words else "exec"] = pid
            with open(words[words.index("--pid-file") + 1], "w", encoding="ascii") as file:
                file.write(str(pid))
        elif "kill" in words:
            os.kill(self._sleepers.pop(words[-2]), signal.SIGKILL)
        return _child(None)

    def _sleeper(self, streams: Streams) -> int:
        return _child(streams[1])


def play(folder: str) -> None:
    """Run it in a new folder, which is removed; raises whatever goes wrong."""
    os.mkdir(folder, 0o700)
    try:
        with open(os.path.join(folder, "config.json"), "wb") as file:
            file.write(_SPEC)
        asyncio.run(asyncio.wait_for(_play(folder), _SECONDS))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _play(folder: str) -> None:
    path = os.path.join(folder, "socket")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()
    shim = Shim(Arguments({"namespace": _ID, "id": _ID}, {}, ""), StandIn(), "")
    await shim.open(listener)
    client = await Client.connect(path)
    task = client.stub(api.DESCRIPTOR.services_by_name["Task"], _ID)
    try:
        for _ in range(_ROUNDS):
            await _one_container(task, folder)
    finally:
        await client.aclose()
        await shim.close(path)


async def _one_container(task: Stub, folder: str) -> None:
    log = f"wherry://{folder}/attach?log={folder}/log.json&stdin=1&stdin-once=1"
    await task.Connect(api.ConnectRequest(id=_ID))
    await task.Create(
        api.CreateTaskRequest(
            id=_ID,
            bundle=folder,
            rootfs=[mount_pb2.Mount(type="overlay", options=["ro", "lowerdir=/a:/b"])][:0],
            stdout=log,
            stderr=log,
            options=anys.pack(oci_pb2.Options(no_pivot_root=True)),
        )
    )
    waiting = asyncio.ensure_future(task.Wait(api.WaitRequest(id=_ID)))
    await task.Start(api.StartRequest(id=_ID))
    await task.State(api.StateRequest(id=_ID))
    await task.Stats(api.StatsRequest(id=_ID))
    await task.Kill(api.KillRequest(id=_ID, signal=9))
    await waiting
    await task.Delete(api.DeleteRequest(id=_ID))


def _child(output: int | None) -> int:
    """A child that prints a line and sleeps, or that is done at once."""
    pid = os.fork()
    if pid == 0:
        try:
            if output is not None:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.write(output, b"line\n")
                signal.pause()
        finally:
            os._exit(0)
    return pid
