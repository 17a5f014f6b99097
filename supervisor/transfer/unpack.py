"""Unpacking: each layer into a snapshot, under the names and labels that containerd gives them.

    extract-<nanoseconds>-<random> <chain id>    an active snapshot while a layer is being applied
    <chain id>                                   the committed one; its label containerd.io/snapshot.ref repeats the
    name

    layer 1   fetch ──▶ inflate, hash, write ──▶ commit
    layer 2   fetch ─────▶ inflate, hash, write ───┴──▶ commit on top of 1
    layer 3   fetch ─▶ inflate, hash, write ────────────┴──▶ commit on top of 2

Layers are applied side by side, each as soon as its bytes are there, into a folder of its own, where the driver can
give a snapshot its parent at the end ("rebase"); one after the other where it cannot. They are committed in order, so
that a chain id never stands for less than the whole chain. What is unpacked already, by whomever, is not fetched at
all. A failure stops the layers that are under way, and removes their active snapshots.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from proto.errdefs import AlreadyExists, Cancelled, FailedPrecondition, Fault, NotFound
from proto.failpoints import reached
from supervisor.content.threads import in_stoppable_thread, in_thread
from supervisor.core.digests import Descriptor
from supervisor.core.labels import GC_REF_SNAPSHOT, SNAPSHOT_INHERITED_PREFIX, SNAPSHOT_REF, UNCOMPRESSED
from supervisor.core.snapshots import REBASE, Mount, SnapshotStore
from supervisor.diff.apply import apply
from supervisor.diff.implicit_folders import ImplicitFolders
from supervisor.diff.mounts import as_upper, bind_source, lower_folders
from supervisor.registry import manifests
from supervisor.transfer.graph import Graph
from supervisor.transfer.progress import Tracker

Fetch = Callable[[Descriptor], Awaitable[None]]


def chain_ids(diff_ids: Sequence[str]) -> list[str]:
    """The names of the stacked layers: each is the digest of the one below and its own diff id."""
    chain: list[str] = []
    for diff_id in diff_ids:
        text = f"{chain[-1]} {diff_id}" if chain else ""
        chain.append(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" if chain else diff_id)
    return chain


class KeyedLocks:
    """One lock per name: two transfers of one image do the work once."""

    def __init__(self) -> None:
        self._locks: dict[tuple[str, ...], tuple[asyncio.Lock, int]] = {}

    @contextmanager
    def _counted(self, key: tuple[str, ...]) -> Iterator[asyncio.Lock]:
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            yield lock
        finally:
            lock, users = self._locks.pop(key)
            if users > 1:
                self._locks[key] = (lock, users - 1)

    async def run(self, key: tuple[str, ...], work: Callable[[], Awaitable[None]]) -> None:
        """Do the work while nobody else works under this key."""
        with self._counted(key) as lock:
            async with lock:
                await work()


@dataclass(slots=True)
class _Layer:
    """One layer on its way, and where it will be in the chain."""

    blob: Descriptor
    diff_id: str
    name: str  # its chain id
    parent: str  # the chain id below, or nothing
    fetched: asyncio.Future[None]
    below: asyncio.Future[None] | None = None  # the layer below, when it is on its way, too
    beside: bool = False  # whether it is applied before the layer below is there

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its snapshot."""
        annotations = self.blob.annotations.items()
        inherited = {key: value for key, value in annotations if key.startswith(SNAPSHOT_INHERITED_PREFIX)}
        return {**inherited, SNAPSHOT_REF: self.name}


class Unpacker:
    """Unpacks images with one snapshotter; `slots` are for the layers of all unpackers that are applied at once."""

    def __init__(
        self,
        graph: Graph,
        snapshots: SnapshotStore,
        snapshotter: str,
        locks: KeyedLocks,
        slots: asyncio.Semaphore | None = None,
    ) -> None:
        self._graph = graph
        self._snapshots = snapshots
        self._snapshotter = snapshotter
        self._locks = locks
        self._slots = slots or asyncio.Semaphore(1)
        self._can_rebase = REBASE in snapshots.capabilities(snapshotter)

    async def unpack(self, config: Descriptor, layers: Sequence[Descriptor], fetch: Fetch, tracker: Tracker) -> str:
        """Unpack all layers and return the topmost chain id; `fetch` brings one layer's bytes into the store."""
        known = manifests.config(self._graph.read(config))
        if len(known.diff_ids) != len(layers):
            raise Fault(f"number of layers and diffIDs don't match: {len(layers)} != {len(known.diff_ids)}")
        if known.rootfs_type not in ("", "layers"):
            raise FailedPrecondition(f"rootfs type {known.rootfs_type!r} is not layers: failed precondition")
        chain = chain_ids(known.diff_ids)
        first = await in_thread(self._first_missing, chain)
        fetches: list[asyncio.Task[None]] = []
        running: list[asyncio.Task[None]] = []
        try:
            for at in range(first, len(layers)):
                fetches.append(asyncio.ensure_future(_run(fetch(layers[at]))))
                layer = _Layer(layers[at], known.diff_ids[at], chain[at], chain[at - 1] if at else "", fetches[-1])
                if running:
                    layer.below, layer.beside = running[-1], self._can_rebase
                running.append(asyncio.ensure_future(self._layer(layer, tracker)))
            await asyncio.gather(*running, *fetches)
        finally:
            for one in (*running, *fetches):
                if not one.cancelling():  # once: a second time would break off its cleaning up
                    one.cancel()
            await asyncio.gather(*running, *fetches, return_exceptions=True)
        top = chain[-1] if chain else ""
        await in_thread(self._graph.update_labels, config.digest, {GC_REF_SNAPSHOT + self._snapshotter: top})
        return top

    def _first_missing(self, chain: Sequence[str]) -> int:
        """How many layers, from the bottom, are there already."""
        for count in range(len(chain), 0, -1):
            if self._is_there(chain[count - 1]) and self._hold(chain, count - 1):
                return count
        return 0

    def _hold(self, chain: Sequence[str], at: int) -> bool:
        """Take a snapshot that is here into the caller's lease; False when it was collected at that very moment.

        To ask for what is there already is how it is done: the store leases it, so that nobody collects it while we
        build on it.
        """
        key = _extraction_key(chain[at])
        try:
            self._prepare(key, chain[at - 1] if at else "", {SNAPSHOT_REF: chain[at]})
        except AlreadyExists:
            return True
        except NotFound:
            return False
        self._remove(key)
        return False

    def _is_there(self, name: str) -> bool:
        try:
            self._snapshots.stat(self._graph.namespace, self._snapshotter, name)
        except NotFound:
            return False
        return True

    async def _layer(self, layer: _Layer, tracker: Tracker) -> None:
        if not layer.beside:
            await _ended(layer.below)
        await self._locks.run(
            (self._graph.namespace, self._snapshotter, layer.name), lambda: self._locked(layer, tracker)
        )

    async def _locked(self, layer: _Layer, tracker: Tracker) -> None:
        key = _extraction_key(layer.name)
        try:
            mounts = await self._prepared(key, "" if layer.beside else layer.parent, layer.labels)
        except AlreadyExists:
            if await in_thread(self._is_there, layer.name):
                return
            raise
        implicit = ImplicitFolders()
        try:
            reached("supervisor.unpack.prepared")
            await asyncio.shield(layer.fetched)
            async with self._slots:
                await self._apply(layer, mounts, key, implicit, tracker)
            reached("supervisor.unpack.applied")
            await _ended(layer.below)
            if layer.beside and implicit:
                await in_thread(self._copy_up, implicit, layer, mounts)
            reached("supervisor.unpack.linking")
            await in_thread(self._commit, layer, key)
            reached("supervisor.unpack.committed")
        except BaseException:
            await in_thread(self._remove, key)
            raise
        finally:
            implicit.close()
        await in_thread(self._graph.update_labels, layer.blob.digest, {UNCOMPRESSED: layer.diff_id})

    async def _apply(
        self, layer: _Layer, mounts: Sequence[Mount], key: str, implicit: ImplicitFolders, tracker: Tracker
    ) -> None:
        blob = layer.blob
        reader = self._graph.content.reader(self._graph.namespace, blob.digest)
        try:
            told = tracker.extraction(blob)
            # a layer beside the others is a bind mount as yet, and will be one of an overlay's folders
            target = as_upper(mounts) if layer.beside else mounts
            noted = implicit if layer.beside else None
            work = asyncio.ensure_future(
                in_stoppable_thread(
                    lambda stop: apply(reader, blob.media_type, target, progress=told, stop=stop, implicit=noted)
                )
            )
            try:
                await tracker.extracting(blob, work)
                applied = await work
            except Fault as fault:
                raise type(fault)(
                    f"failed to extract layer ({blob.media_type} {blob.digest}) to {self._snapshotter} "
                    f'as "{key}": {fault}'
                ) from fault
            except asyncio.CancelledError:
                work.cancel()
                await asyncio.wait((work,))  # the thread may still write: its folder must not be removed under it
                raise
        finally:
            reader.close()
        if applied.digest != layer.diff_id:
            raise Fault(
                f'wrong diff id "{applied.digest}" calculated on extraction "{layer.diff_id}", desc "{blob.digest}"'
            )
        await tracker.extracted(blob)

    def _copy_up(self, implicit: ImplicitFolders, layer: _Layer, mounts: Sequence[Mount]) -> None:
        """What the archive left to the lower layers, now that they are there; a view tells where they are."""
        source = bind_source(mounts)
        if source is None:
            raise Fault(f"snapshotter {self._snapshotter} gave no folder for a layer without a parent")
        key = f"{_extraction_key(layer.name)} parents"
        view = self._snapshots.view(self._graph.namespace, self._snapshotter, key, layer.parent)
        try:
            implicit.copy_up(source, lower_folders(view))
        finally:
            self._remove(key)

    async def _prepared(self, key: str, parent: str, labels: Mapping[str, str]) -> list[Mount]:
        """A new active snapshot; when the caller is cancelled meanwhile, none."""
        work = asyncio.ensure_future(in_thread(self._prepare, key, parent, labels))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait((work,))
            if work.exception() is None:
                await in_thread(self._remove, key)
            raise

    def _prepare(self, key: str, parent: str, labels: Mapping[str, str]) -> list[Mount]:
        return self._snapshots.prepare(self._graph.namespace, self._snapshotter, key, parent, labels)

    def _commit(self, layer: _Layer, key: str) -> None:
        parent = layer.parent if layer.beside else None
        try:
            self._snapshots.commit(self._graph.namespace, self._snapshotter, layer.name, key, layer.labels, parent)
        except AlreadyExists:
            self._remove(key)  # somebody else unpacked the same layer
        except Fault as fault:
            raise type(fault)(f"failed to commit snapshot {key}: {fault}") from fault

    def _remove(self, key: str) -> None:
        try:
            self._snapshots.remove(self._graph.namespace, self._snapshotter, key)
        except NotFound:
            pass  # it never came to be


def _extraction_key(chain_id: str) -> str:
    return f"extract-{time.time_ns() % 1_000_000_000}-{secrets.token_urlsafe(3)} {chain_id}"


async def _run(work: Awaitable[None]) -> None:
    await work


async def _ended(below: asyncio.Future[None] | None) -> None:
    """Wait for the layer below; when it has failed, this one has nothing to stand on."""
    if below is not None:
        await asyncio.wait((below,))
        if below.cancelled() or below.exception() is not None:
            raise Cancelled("aborted")
