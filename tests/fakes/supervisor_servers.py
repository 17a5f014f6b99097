"""containerd's API to talk to in a test: our metadata server in a thread, or a real containerd on private paths."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage

from proto.containerd.services.containers.v1 import containers_pb2, containers_pb2_grpc
from proto.containerd.services.content.v1 import content_pb2_grpc
from proto.containerd.services.events.v1 import events_pb2_grpc
from proto.containerd.services.images.v1 import images_pb2_grpc
from proto.containerd.services.introspection.v1 import introspection_pb2_grpc
from proto.containerd.services.leases.v1 import leases_pb2_grpc
from proto.containerd.services.namespaces.v1 import namespace_pb2_grpc
from proto.containerd.services.snapshots.v1 import snapshots_pb2_grpc
from proto.containerd.services.version.v1 import version_pb2_grpc
from tests.fakes.supervisor_metadata import serving

DISABLED = '"io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"'


class Client:
    """One stub per service, and the metadata of a caller."""

    def __init__(self, socket: Path, namespace: str) -> None:
        self.channel = grpc.insecure_channel(f"unix:{socket}")
        self.namespace = namespace
        self.containers = containers_pb2_grpc.ContainersStub(self.channel)
        self.content = content_pb2_grpc.ContentStub(self.channel)
        self.events = events_pb2_grpc.EventsStub(self.channel)
        self.images = images_pb2_grpc.ImagesStub(self.channel)
        self.introspection = introspection_pb2_grpc.IntrospectionStub(self.channel)
        self.leases = leases_pb2_grpc.LeasesStub(self.channel)
        self.namespaces = namespace_pb2_grpc.NamespacesStub(self.channel)
        self.snapshots = snapshots_pb2_grpc.SnapshotsStub(self.channel)
        self.version = version_pb2_grpc.VersionStub(self.channel)

    def meta(self, lease: str = "") -> dict[str, Any]:
        """Keyword arguments for a call."""
        pairs = [("containerd-namespace", self.namespace)]
        if lease:
            pairs.append(("containerd-lease", lease))
        return {"metadata": pairs, "timeout": 20}

    def close(self) -> None:
        self.channel.close()


def container(container_id: str = "c1", **fields: Any) -> containers_pb2.Container:
    """A record with all that is required."""
    fields.setdefault("runtime", containers_pb2.Container.Runtime(name="io.containerd.runc.v2"))
    fields.setdefault(
        "spec", AnyMessage(type_url="types.containerd.io/opencontainers/runtime-spec/1/Spec", value=b"{}")
    )
    return containers_pb2.Container(id=container_id, **fields)


@contextlib.contextmanager
def our_server(root: Path) -> Iterator[Path]:
    """Our metadata server, in a thread with an event loop of its own."""
    ready, stop = threading.Event(), None
    loop = asyncio.new_event_loop()

    async def main() -> None:
        nonlocal stop
        stop = asyncio.Event()
        async with serving(root):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    try:
        assert ready.wait(20)
        yield root / "c.sock"
    finally:
        if stop is not None:
            loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def find_containerd() -> str | None:
    """The newest one at hand."""
    peer = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin" / "containerd"
    return str(peer) if peer.exists() else shutil.which("containerd")


@contextlib.contextmanager
def real_containerd(root: Path, program: str | None = None) -> Iterator[Path]:
    """A containerd of its own, without CRI."""
    program = program or find_containerd()
    assert program is not None
    config, socket = root / "config.toml", root / "real.sock"
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    generation = 3 if "/v2 " in version else 2
    config.write_text(
        f'version = {generation}\nroot = "{root}/root"\nstate = "{root}/state"\ndisabled_plugins = [{DISABLED}]\n'
        f'[grpc]\naddress = "{socket}"\n'
    )
    with open(root / "real.log", "wb") as log:
        path = f"{Path(program).parent}:{os.environ['PATH']}"  # its own generation of shims
        environment = {**os.environ, "PATH": path}
        process = subprocess.Popen([program, "--config", str(config)], stdout=log, stderr=log, env=environment)
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(grpc.FutureTimeoutError), grpc.insecure_channel(f"unix:{socket}") as channel:
                grpc.channel_ready_future(channel).result(timeout=1)
                break
            assert time.monotonic() < deadline, (root / "real.log").read_text()[-2000:]
        yield socket
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
