"""A client's session as buildx has one: gRPC services on a socket, and the engine's `Caller` connected to them."""

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from engine.buildkit.caller import Caller
from engine.containers.archive import go_mode
from proto.buildkit.services import (
    auth_pb2,
    auth_pb2_grpc,
    filesync_pb2,
    filesync_pb2_grpc,
    secrets_pb2,
    secrets_pb2_grpc,
    ssh_pb2,
    ssh_pb2_grpc,
    upload_pb2,
    upload_pb2_grpc,
)
from proto.buildkit.types.fsutil_pb2 import Packet, Stat

Serve = Callable[[grpc.aio.Server], None]
METHODS = (
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/moby.filesync.v1.FileSend/DiffCopy",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.sshforward.v1.SSH/CheckAgent",
    "/moby.sshforward.v1.SSH/ForwardAgent",
    "/moby.upload.v1.Upload/Pull",
)


def stats(folder: Path) -> list[Stat]:
    """A folder's list, as a client's walk makes it."""
    found = []

    def below(path: Path, prefix: str) -> None:
        for each in sorted(path.iterdir(), key=lambda one: os.fsencode(one.name)):
            about = each.lstat()
            link = os.readlink(each) if stat.S_ISLNK(about.st_mode) else ""
            size = 0 if stat.S_ISDIR(about.st_mode) else about.st_size
            name = f"{prefix}{each.name}"
            mode = go_mode(about.st_mode)
            found.append(Stat(path=name, mode=mode, size=size, modTime=about.st_mtime_ns, linkname=link))
            if stat.S_ISDIR(about.st_mode):
                below(each, f"{name}/")

    below(folder, "")
    return found


class Files(filesync_pb2_grpc.FileSyncServicer):
    """Folders by name; `asked` has the headers of each call and the paths whose bytes were asked for."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self.folders = folders
        self.asked: list[tuple[dict[str, list[str]], list[str]]] = []

    async def DiffCopy(self, request_iterator: Any, context: Any) -> AsyncIterator[Packet]:
        headers: dict[str, list[str]] = {}
        for key, value in context.invocation_metadata():
            headers.setdefault(key, []).append(value)
        wanted: list[str] = []
        self.asked.append((headers, wanted))
        folder = self.folders.get(headers["dir-name"][0])
        if folder is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f'no access allowed to dir "{headers["dir-name"][0]}"')
            return
        follow = headers.get("followpaths")
        found = [one for one in stats(folder) if follow is None or one.path in follow]
        for one in found:
            yield Packet(type=Packet.PACKET_STAT, stat=one)
        yield Packet(type=Packet.PACKET_STAT)
        async for packet in request_iterator:
            if packet.type == Packet.PACKET_FIN:
                yield Packet(type=Packet.PACKET_FIN)
                return
            if packet.type == Packet.PACKET_ERR:
                return
            path = found[packet.ID].path
            wanted.append(path)
            data = (folder / path).read_bytes()
            for start in range(0, len(data), 32768):
                yield Packet(type=Packet.PACKET_DATA, ID=packet.ID, data=data[start : start + 32768])
            yield Packet(type=Packet.PACKET_DATA, ID=packet.ID)


class Target(filesync_pb2_grpc.FileSendServicer):
    """Takes trees into `tree`, streams into `data`."""

    def __init__(self, *, as_tree: bool) -> None:
        self.as_tree = as_tree
        self.headers: dict[str, str] = {}
        self.stats: list[Stat] = []
        self.tree: dict[str, bytes] = {}
        self.data = b""

    async def take(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        self.headers = dict(context.invocation_metadata())
        if not self.as_tree:
            async for message in messages:
                self.data += filesync_pb2.BytesMessage.FromString(message).data
            return
        coming: dict[int, bytes] = {}
        listed = False
        async for message in messages:
            packet = Packet.FromString(message)
            if packet.type == Packet.PACKET_STAT and packet.HasField("stat"):
                if packet.stat.mode & 0x8F280000 == 0 and not packet.stat.linkname:
                    coming[len(self.stats)] = b""
                    yield Packet(type=Packet.PACKET_REQ, ID=len(self.stats)).SerializeToString()
                self.stats.append(packet.stat)
            elif packet.type == Packet.PACKET_STAT:
                listed = True
            elif packet.type == Packet.PACKET_DATA and packet.data:
                coming[packet.ID] += packet.data
            elif packet.type == Packet.PACKET_DATA:
                self.tree[self.stats[packet.ID].path] = coming.pop(packet.ID)
            else:
                return
            if listed and not coming:
                yield Packet(type=Packet.PACKET_FIN).SerializeToString()


class Secrets(secrets_pb2_grpc.SecretsServicer):
    def __init__(self, values: dict[str, bytes]) -> None:
        self.values = values

    async def GetSecret(self, request: Any, context: Any) -> secrets_pb2.GetSecretResponse:
        if request.ID not in self.values:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"secret {request.ID}: not found")
        return secrets_pb2.GetSecretResponse(data=self.values[request.ID])


class Agent(ssh_pb2_grpc.SSHServicer):
    """One agent, `default`, that answers each message with itself, turned over."""

    async def CheckAgent(self, request: Any, context: Any) -> ssh_pb2.CheckAgentResponse:
        if request.ID != "default":
            await context.abort(grpc.StatusCode.UNKNOWN, f"unset ssh forward key {request.ID}")
        return ssh_pb2.CheckAgentResponse()

    async def ForwardAgent(self, request_iterator: Any, context: Any) -> AsyncIterator[ssh_pb2.BytesMessage]:
        assert dict(context.invocation_metadata())["buildkit.ssh.id"] == "default"
        async for message in request_iterator:
            yield ssh_pb2.BytesMessage(data=message.data[::-1])


class Auth(auth_pb2_grpc.AuthServicer):
    def __init__(self, known: dict[str, tuple[str, str]]) -> None:
        self.known = known
        self.asked: list[str] = []

    async def Credentials(self, request: Any, context: Any) -> auth_pb2.CredentialsResponse:
        self.asked.append(request.Host)
        username, secret = self.known.get(request.Host, ("", ""))
        return auth_pb2.CredentialsResponse(Username=username, Secret=secret)


class Upload(upload_pb2_grpc.UploadServicer):
    def __init__(self, things: dict[str, bytes]) -> None:
        self.things = things

    async def Pull(self, request_iterator: Any, context: Any) -> AsyncIterator[upload_pb2.BytesMessage]:
        data = self.things[dict(context.invocation_metadata())["urlpath"].rpartition("/")[2]]
        for start in range(0, len(data), 1000):
            yield upload_pb2.BytesMessage(data=data[start : start + 1000])


def files(service: Files) -> Serve:
    """Served by name, for `session`."""
    return lambda server: filesync_pb2_grpc.add_FileSyncServicer_to_server(service, server)


def raw(service: str, method: str, handler: Any) -> Serve:
    """A stream of bytes each way, whatever they mean."""
    table = {method: grpc.stream_stream_rpc_method_handler(handler)}
    return lambda server: server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, table),))


def target(taken: Target) -> Serve:
    """The same for results."""
    return raw("moby.filesync.v1.FileSend", "DiffCopy", taken.take)


@contextlib.asynccontextmanager
async def session(folder: Path, *services: Serve, shared_key: str = "key") -> AsyncIterator[Caller]:
    """A caller of the services; what is not served is not among its methods."""
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    server = grpc.aio.server(options=options)
    for serve in services:
        serve(server)
    path = f"{folder}/session.sock"
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    caller = Caller("session-1", shared_key, METHODS)
    try:
        transport, _ = await asyncio.get_running_loop().create_unix_connection(asyncio.Protocol, path)
        caller.take(transport)
        yield caller
    finally:
        caller.close()
        await server.stop(0)
        await caller.closed.wait()
