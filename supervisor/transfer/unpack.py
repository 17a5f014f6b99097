"""Unpacking: each layer into a snapshot on top of the one before it, under the names and labels that containerd gives
them.

    extract-<nanoseconds>-<random> <chain id>    an active snapshot while a layer is being applied
    <chain id>                                   the committed one; its label containerd.io/snapshot.ref repeats the
    name

Layers are applied in order, each as soon as its bytes are there, while later ones are still being fetched; inflating,
hashing and writing of one layer overlap. What is unpacked already, by whomever, is not fetched at all. A failure
removes its active snapshot.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from proto.errdefs import AlreadyExists, FailedPrecondition, Fault, NotFound
from proto.failpoints import reached
from supervisor.content.threads import in_stoppable_thread, in_thread
from supervisor.core.digests import Descriptor
from supervisor.core.labels import GC_REF_SNAPSHOT, SNAPSHOT_INHERITED_PREFIX, SNAPSHOT_REF, UNCOMPRESSED
from supervisor.core.snapshots import Mount, SnapshotStore
from supervisor.diff.apply import apply
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


class Unpacker:
    """Unpacks images with one snapshotter."""

    def __init__(self, graph: Graph, snapshots: SnapshotStore, snapshotter: str, locks: KeyedLocks) -> None:
        self._graph = graph
        self._snapshots = snapshots
        self._snapshotter = snapshotter
        self._locks = locks

    async def unpack(self, config: Descriptor, layers: Sequence[Descriptor], fetch: Fetch, tracker: Tracker) -> str:
        """Unpack all layers and return the topmost chain id; `fetch` brings one layer's bytes into the store."""
        known = manifests.config(self._graph.read(config))
        if len(known.diff_ids) != len(layers):
            raise Fault(f"number of layers and diffIDs don't match: {len(layers)} != {len(known.diff_ids)}")
        if known.rootfs_type not in ("", "layers"):
            raise FailedPrecondition(f"rootfs type {known.rootfs_type!r} is not layers: failed precondition")
        chain = chain_ids(known.diff_ids)
        first = await in_thread(self._first_missing, chain)
        fetches = [asyncio.ensure_future(fetch(layer)) for layer in layers[first:]]
        try:
            for at in range(first, len(layers)):
                await self._layer(layers[at], known.diff_ids[at], chain, at, fetches[at - first], tracker)
            await asyncio.gather(*fetches)
        finally:
            for one in fetches:
                one.cancel()
            await asyncio.gather(*fetches, return_exceptions=True)
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

    async def _layer(
        self,
        layer: Descriptor,
        diff_id: str,
        chain: Sequence[str],
        at: int,
        fetched: asyncio.Future[None],
        tracker: Tracker,
    ) -> None:
        async def work() -> None:
            parent = chain[at - 1] if at else ""
            key = _extraction_key(chain[at])
            labels = _snapshot_labels(layer.annotations, chain[at])
            try:
                mounts = await in_thread(self._prepare, key, parent, labels)
            except AlreadyExists:
                if await in_thread(self._is_there, chain[at]):
                    return
                raise
            reached("supervisor.unpack.prepared")
            try:
                await fetched
                await self._apply(layer, diff_id, mounts, key, tracker)
                reached("supervisor.unpack.applied")
                await in_thread(self._commit, chain[at], key, labels)
                reached("supervisor.unpack.committed")
            except BaseException:
                await in_thread(self._remove, key)
                raise
            await in_thread(self._graph.update_labels, layer.digest, {UNCOMPRESSED: diff_id})

        await self._locks.run((self._graph.namespace, self._snapshotter, chain[at]), work)

    async def _apply(
        self, layer: Descriptor, diff_id: str, mounts: Sequence[Mount], key: str, tracker: Tracker
    ) -> None:
        reader = self._graph.content.reader(self._graph.namespace, layer.digest)
        try:
            told = tracker.extraction(layer)
            work = asyncio.ensure_future(
                in_stoppable_thread(lambda stop: apply(reader, layer.media_type, mounts, progress=told, stop=stop))
            )
            try:
                await tracker.extracting(layer, work)
                applied = await work
            except Fault as fault:
                raise type(fault)(
                    f"failed to extract layer ({layer.media_type} {layer.digest}) to {self._snapshotter} "
                    f'as "{key}": {fault}'
                ) from fault
            except asyncio.CancelledError:
                work.cancel()
                await asyncio.wait((work,))  # the thread may still write: its folder must not be removed under it
                raise
        finally:
            reader.close()
        if applied.digest != diff_id:
            raise Fault(f'wrong diff id "{applied.digest}" calculated on extraction "{diff_id}", desc "{layer.digest}"')
        await tracker.extracted(layer)

    def _prepare(self, key: str, parent: str, labels: Mapping[str, str]) -> list[Mount]:
        return self._snapshots.prepare(self._graph.namespace, self._snapshotter, key, parent, labels)

    def _commit(self, name: str, key: str, labels: Mapping[str, str]) -> None:
        try:
            self._snapshots.commit(self._graph.namespace, self._snapshotter, name, key, labels)
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


def _snapshot_labels(annotations: Mapping[str, str], chain_id: str) -> dict[str, str]:
    inherited = {key: value for key, value in annotations.items() if key.startswith(SNAPSHOT_INHERITED_PREFIX)}
    return {**inherited, SNAPSHOT_REF: chain_id}
