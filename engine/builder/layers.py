"""A step's change of the file system → a layer: written into a snapshot, compared with what lay below, kept as both.

A copy writes into a snapshot of its own, which is then committed under the new chain's name. A container's snapshot
lies on the init layer, so its difference is taken from there and unpacked onto the image's own layers.
"""

import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable

from engine.builder.late_links import LateLinks
from engine.builder.state import Layer, State
from engine.builder.threads import finish
from engine.containers.rootfs import Layers as Folders
from engine.containers.rootfs import Rootfs, init_layer
from engine.images.assemble import LAYER_TYPE
from engine.images.model import Descriptor, chain_ids
from engine.supervisor_client.content import Content
from engine.supervisor_client.diff import Diff
from engine.supervisor_client.leases import Leases
from engine.supervisor_client.snapshots import Snapshots
from proto.containerd.types import descriptor_pb2, mount_pb2
from proto.errdefs import AlreadyExists, DataLoss, Internal, NotFound


class Layers:
    """Makes layers, under one build's lease."""

    def __init__(
        self,
        snapshots: Snapshots,
        content: Content,
        differences: Diff,
        rootfs: Rootfs,
        leases: Leases,
        lease: str,
    ) -> None:
        self._snapshots = snapshots
        self._content = content
        self._differences = differences
        self._rootfs = rootfs
        self._leases = leases
        self.lease = lease

    @contextlib.asynccontextmanager
    async def viewed(self, state: State) -> AsyncIterator[int]:
        """An fd of a state's file system, read-only, for the length of a block."""
        async with self.viewed_at(state) as target:
            root = os.open(target, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                yield root
            finally:
                os.close(root)

    @contextlib.asynccontextmanager
    async def viewed_at(self, state: State) -> AsyncIterator[str]:
        """The same, as the path of a mount."""
        key = _key("view", self.lease)
        mounts = await self._snapshots.view(key, state.top, lease=self.lease)
        try:
            async with self._rootfs.mounted(mounts) as target:
                yield target
        finally:
            await self._drop(key)

    async def write(
        self,
        state: State,
        work: Callable[[int], bool],
        *,
        alone: bool,
        epoch: int | None,
        links: LateLinks | None = None,
    ) -> Layer | None:
        """A layer out of what `work` does below a root's fd; None if it says that it did nothing.

        `alone`: the layer is made without looking at those below it, as `COPY --link` wants. `links`: what `work`
        leaves to be linked.
        """
        key, parent = _key("step", self.lease), "" if alone else state.top
        mounts = await self._snapshots.prepare(key, parent, lease=self.lease)
        try:
            async with self._rootfs.mounted(mounts) as target:
                if links is not None and epoch is None:  # an older time would be the context's, too
                    links.upper, links.mounted = _writable(mounts), os.path.realpath(target)
                if not await finish(_work, target, work):
                    return None
            if links is not None:
                await finish(links.make)
            if epoch is not None:
                await finish(clamp, mounts, epoch)
            layer = await self._difference(parent, mounts)
            if alone:
                await self.ensure(state, layer)
                return layer
            await self._commit(chain_ids((*state.diff_ids, layer.diff_id))[-1], key)
            return layer
        finally:
            await self._drop(key)

    async def ensure(self, state: State, layer: Layer) -> None:
        """See that a layer is unpacked on top of this state; stages do this side by side, each under its own key."""
        name = chain_ids((*state.diff_ids, layer.diff_id))[-1]
        with contextlib.suppress(NotFound):
            await self._hold(name)
            return
        key, blob = _key("unpack", self.lease), layer.descriptor
        target = descriptor_pb2.Descriptor(media_type=blob.media_type, digest=blob.digest, size=blob.size)
        try:
            mounts = await self._snapshots.prepare(key, state.top, lease=self.lease)
            applied = await self._differences.apply(target, mounts, lease=self.lease)
            if applied.digest != layer.diff_id:
                raise DataLoss(f"wrong diff id calculated on extraction {applied.digest!r}, expected {layer.diff_id!r}")
            await self._commit(name, key)
        finally:
            await self._drop(key)

    async def from_container(self, container_id: str, record_top: str, state: State, epoch: int | None) -> Layer:
        """A layer out of what a container has changed."""
        mounts = await self._snapshots.mounts(container_id)
        if epoch is not None:
            await finish(clamp, mounts, epoch)
        layer = await self._difference(init_layer(record_top), mounts)
        await self.ensure(state, layer)
        return layer

    @contextlib.asynccontextmanager
    async def with_places(self, state: State, places: Callable[[int], bool]) -> AsyncIterator[str]:
        """A snapshot of a state that also has empty places for mounts, so that a step's layer does not show them."""
        key = _key("places", self.lease)
        mounts = await self._snapshots.prepare(key, state.top, lease=self.lease)
        name = f"{key}-done"
        try:
            async with self._rootfs.mounted(mounts) as target:
                await finish(_work, target, places)
            await self._snapshots.commit(name, key, lease=self.lease)
        except BaseException:
            await self._drop(key)
            raise
        yield name  # what hangs on it goes with the build's lease

    async def _difference(self, parent: str, mounts: list[mount_pb2.Mount]) -> Layer:
        key = _key("below", self.lease)
        below = await self._snapshots.view(key, parent, lease=self.lease)
        try:
            found = await self._differences.diff(below, mounts, media_type=LAYER_TYPE, ref=key, lease=self.lease)
        finally:
            await self._drop(key)
        return Layer(Descriptor(found.media_type, found.digest, found.size), found.digest)  # packed when it is pushed

    async def _commit(self, name: str, key: str) -> None:
        try:
            await self._snapshots.commit(name, key, lease=self.lease)
        except AlreadyExists:  # the same layer was there: its snapshot serves
            await self._hold(name)

    async def hold(self, state: State) -> None:
        """Keep a state's layers for as long as the build takes."""
        if state.top:
            await self._hold(state.top)
        for layer in state.layers:
            await self._leases.add(self.lease, layer.descriptor.digest, "content")

    async def _hold(self, name: str) -> None:
        """Keep a snapshot that others made for as long as the build takes; NotFound if it is gone."""
        await self._leases.add(self.lease, name, f"snapshots/{self._snapshots.snapshotter}")
        await self._snapshots.stat(name)

    async def _drop(self, key: str) -> None:
        with contextlib.suppress(NotFound):
            await self._snapshots.remove(key)


def _writable(mounts: list[mount_pb2.Mount]) -> str:
    """The folder that a snapshot's changes go to, if they go to one that can be reached."""
    if len(mounts) == 1 and (
        mounts[0].type == "bind" or any(each.startswith("upperdir=") for each in mounts[0].options)
    ):
        return next(iter(Folders(mounts).folders), "")
    return ""


def _key(kind: str, lease: str) -> str:
    return f"{lease}-{kind}-{secrets.token_hex(6)}"


def _work(target: str, work: Callable[[int], bool]) -> bool:
    root = os.open(target, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return work(root)
    except OSError as error:
        raise Internal(f"failed to copy files: {error.filename or ''}: {error.strerror}") from error
    finally:
        os.close(root)


def clamp(mounts: list[mount_pb2.Mount], epoch: int) -> None:
    """Let nothing that a step wrote be younger than SOURCE_DATE_EPOCH."""
    folders = Folders(mounts).folders
    if not folders:
        raise DataLoss("SOURCE_DATE_EPOCH needs a snapshotter whose upper folder can be reached")
    root = os.open(folders[0], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _clamp_below(root, epoch * 10**9)
        if os.fstat(root).st_mtime_ns > epoch * 10**9:
            os.utime(root, ns=(epoch * 10**9, epoch * 10**9))
    finally:
        os.close(root)


def _clamp_below(folder: int, limit: int) -> None:
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if is_folder:
            fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                _clamp_below(fd, limit)
            finally:
                os.close(fd)
        if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime_ns > limit:
            os.utime(name, ns=(limit, limit), dir_fd=folder, follow_symlinks=False)
