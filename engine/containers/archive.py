"""`docker cp` and `export`: a container's file system from outside, running or not.

A running container's tree is reached through /proc/<pid>/root, with the mounts it sees itself; a stopped one's is
mounted for the length of the request, its volumes bound by fd. Everything below is relative to that root's fd.

In a tar, files have the ids that the container gives them. With a user namespace the tree shows the host's, running or
not, and they are translated.
"""

import asyncio
import base64
import contextlib
import json
import os
import posixpath
import stat
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO

from engine import kernel, timestamps
from engine.containers import inputs, mapped_mounts, user_namespace, users
from engine.containers.live import Live
from engine.containers.model import Container
from engine.containers.room import Room
from engine.containers.rootfs import Rootfs
from engine.containers.tar_in import TarReader
from engine.containers.tar_out import TarWriter
from engine.users import linux, views
from engine.users.idmap import IdMap
from proto.errdefs import InvalidArgument, NotFound, PermissionDenied

_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Tree:
    """A container's file system: an fd of its root, and how the ids that are seen there become the container's."""

    root: int
    ids: IdMap | None = None


@contextlib.asynccontextmanager
async def opened(room: Room, live: Live, *, volumes: bool = True) -> AsyncIterator[Tree]:
    """The container's tree."""
    container = live.container
    if container.state.alive and container.state.pid:
        try:
            root = os.open(f"/proc/{container.state.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            raise NotFound(f"container {container.id} has just ended") from None
        try:
            yield Tree(root, container.ids)
        finally:
            os.close(root)
        return
    async with _mounted(room, container) as (target, userns):
        root = os.open(target, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if volumes:
                _bind_volumes(root, live, userns)
            yield Tree(root, container.ids)
        finally:
            os.close(root)


@contextlib.asynccontextmanager
async def _mounted(room: Room, container: Container) -> AsyncIterator[tuple[str, int | None]]:
    """A stopped container's file system, as its user namespace sees it: the folder, the namespace's fd."""
    if container.ids is None:
        async with Rootfs(room.supervisor, room.paths.temporary).mounted_snapshot(container.id) as target:
            yield target, None
        return
    mounts = await room.supervisor.snapshots.mounts(container.id)
    async with (
        room.keeper.held(container.ids) as held,
        user_namespace.seen(room, mounts, held) as shown,
    ):
        yield shown[0].source, held.fd


def _bind_volumes(root: int, live: Live, userns: int | None) -> None:
    """By fd, so that a link in the image cannot lead the mount elsewhere (CVE-2026-42306)."""
    ids = live.container.ids
    for mount in sorted(live.container.mounts, key=lambda mount: mount.destination.count("/")):
        if mount.kind == "tmpfs" or not os.path.exists(mount.source):
            continue
        try:
            if os.path.isdir(mount.source):
                with linux.acting_as(*ids.root) if ids else contextlib.nullcontext():
                    target = kernel.make_folder(root, mount.destination)
            else:
                target = kernel.openat2(root, mount.destination, os.O_PATH)
        except OSError:
            continue
        try:
            if userns is not None and mapped_mounts.is_mapped(mount):
                views.bind(mount.source, f"/proc/self/fd/{target}", userns)
            else:
                kernel.mount(mount.source, f"/proc/self/fd/{target}", "", kernel.MS_BIND | kernel.MS_REC)
        finally:
            os.close(target)


@dataclass(frozen=True, slots=True)
class PathStat:
    """What X-Docker-Container-Path-Stat tells."""

    name: str
    size: int
    mode: int
    mtime: str
    link_target: str
    path: str  # as resolved: the parents' links followed, the last part not

    def header(self) -> str:
        """Base64 of JSON."""
        document = {
            "name": self.name,
            "size": self.size,
            "mode": self.mode,
            "mtime": self.mtime,
            "linkTarget": self.link_target,
        }
        return base64.b64encode(json.dumps(document).encode()).decode()


_GO_BITS = (
    (stat.S_ISDIR, 1 << 31),
    (stat.S_ISLNK, 1 << 27),
    (stat.S_ISBLK, 1 << 26),
    (stat.S_ISFIFO, 1 << 25),
    (stat.S_ISSOCK, 1 << 24),
    (stat.S_ISCHR, 1 << 26 | 1 << 21),
)


def go_mode(mode: int) -> int:
    """Go's os.FileMode."""
    done = mode & 0o777
    for is_kind, bits in _GO_BITS:
        if is_kind(mode):
            done |= bits
    for bit, go_bit in ((stat.S_ISUID, 1 << 23), (stat.S_ISGID, 1 << 22), (stat.S_ISVTX, 1 << 20)):
        if mode & bit:
            done |= go_bit
    return done


def look(root: int, path: str, live: Live, *, folder: bool = False) -> PathStat:
    """The path's own stat; a trailing slash or dot follows a link at its end, and so does who wants a folder."""
    wanted = posixpath.normpath("/" + path)
    wanted = "/" + wanted.lstrip("/")
    follow = folder or path.endswith(("/", "/."))
    flags = os.O_PATH | (0 if follow else os.O_NOFOLLOW)
    try:
        fd = kernel.openat2(root, wanted, flags)
    except (FileNotFoundError, NotADirectoryError, OSError):
        raise NotFound(f"Could not find the file {path} in container {live.container.name}") from None
    try:
        found = os.fstat(fd)
        link = os.readlink("", dir_fd=fd) if stat.S_ISLNK(found.st_mode) else ""
    finally:
        os.close(fd)
    if link:
        link = posixpath.normpath(posixpath.join(posixpath.dirname(wanted), link))
    stamp = timestamps.from_ns(found.st_mtime_ns)
    name = posixpath.basename(wanted) or "/"
    return PathStat(name, found.st_size, go_mode(found.st_mode), stamp, link, wanted)


async def tar(tree: Tree, path: str, name: str, *, one_filesystem: bool = False) -> AsyncIterator[bytes]:
    """The tree as a tar, while it is made in a thread."""
    receiving, sending = os.pipe2(os.O_CLOEXEC)
    failures: list[BaseException] = []

    def produce() -> None:
        try:
            with os.fdopen(sending, "wb") as out:
                TarWriter(tree.root, out, one_filesystem=one_filesystem, ids=tree.ids).write(path, name)
        except BrokenPipeError:
            pass  # the client has gone
        except BaseException as error:  # handed to the request below
            failures.append(error)

    thread = threading.Thread(target=produce, name="tar", daemon=True)
    thread.start()
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(receiving, "rb", buffering=0)
    )
    try:
        while chunk := await reader.read(_CHUNK):
            yield chunk
    finally:
        transport.close()
        await asyncio.to_thread(thread.join)
    if failures:
        raise failures[0]


async def extract(room: Room, live: Live, path: str, source: BinaryIO, *, keep_kinds: bool, as_user: bool) -> None:
    """Unpack a client's tar into the folder at `path`."""
    container = live.container
    async with opened(room, live) as tree:
        root = tree.root
        found = look(root, path, live, folder=True)
        if not found.mode & 1 << 31:
            raise InvalidArgument("extraction point is not a directory")
        if container.host_config["ReadonlyRootfs"] and not _on_writable_volume(live, found.path):
            raise PermissionDenied("container rootfs is marked read-only")
        owner = None
        if as_user and container.config["User"]:  # without one the archive's owners stay, as with dockerd
            passwd, group = inputs.read_in_root(root, "etc/passwd"), inputs.read_in_root(root, "etc/group")
            user = users.resolve(container.config["User"], (), passwd, group)
            owner = (user.uid, user.gid)
        reader = TarReader(root, found.path.rstrip("/"), keep_kinds=keep_kinds, owner=owner, ids=tree.ids)
        await asyncio.to_thread(reader.extract, source)
    room.announce(container, "extract-to-dir", {"path": path})


def _on_writable_volume(live: Live, path: str) -> bool:
    inside = [mount for mount in live.container.mounts if (path + "/").startswith(mount.destination.rstrip("/") + "/")]
    return bool(inside) and max(inside, key=lambda mount: len(mount.destination)).writable
