"""What steps have made before, found again by what went into them: SQLite for the keys, the collector for the layers.

A key is a digest of the instruction, its inputs and the layers below; nothing of it is a time, a file's name on the
client, or a secret's value. An entry with a layer has a small root blob in the content store, whose labels keep the
layer and its snapshot from the collector; an entry whose layer is gone all the same is forgotten when it is met.
"""

import asyncio
import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.builder.state import Layer, State
from engine.images.model import Descriptor, chain_ids
from engine.supervisor_client.content import Content
from engine.supervisor_client.snapshots import Snapshots
from proto.errdefs import NotFound

_SCHEMA = """
CREATE TABLE IF NOT EXISTS steps (
    key TEXT PRIMARY KEY, created TEXT NOT NULL, description TEXT NOT NULL, media_type TEXT NOT NULL,
    digest TEXT NOT NULL, size INTEGER NOT NULL, diff_id TEXT NOT NULL, chain TEXT NOT NULL, root TEXT NOT NULL,
    made REAL NOT NULL, used REAL NOT NULL, uses INTEGER NOT NULL
);
"""
_LIMIT = 20_000  # entries without a layer are small, and many


@dataclass(frozen=True, slots=True)
class Entry:
    """One step's result."""

    key: str
    created: str
    layer: Layer | None
    chain: str = ""
    root: str = ""
    description: str = ""
    made: float = 0.0
    used: float = 0.0
    uses: int = 0

    @property
    def digest(self) -> str:
        """Of its blob."""
        return self.layer.descriptor.digest if self.layer else ""

    @property
    def size(self) -> int:
        """What it holds in the content store."""
        return self.layer.descriptor.size if self.layer else 0


def key_of(*parts: object) -> str:
    """A step's key."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Cache:
    """The steps' table."""

    def __init__(self, path: str, content: Content, snapshots: Snapshots) -> None:
        self._content = content
        self._snapshots = snapshots
        self._writing = asyncio.Lock()
        self._rows = sqlite3.connect(path, isolation_level=None)
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.execute("PRAGMA synchronous=NORMAL")
        self._rows.executescript(_SCHEMA)

    def find(self, key: str) -> Entry | None:
        """An earlier result, to be confirmed before anything is built on it."""
        row = self._rows.execute("SELECT * FROM steps WHERE key = ?", (key,)).fetchone()
        return None if row is None else _entry(row)

    async def confirm(self, entries: Sequence[Entry], diff_ids: tuple[str, ...]) -> bool:
        """Whether the layers and snapshots of some results are all there still; what is not is forgotten.

        One question for all of them, as many cached steps would else be as many questions. `diff_ids`: the stack that
        they are in; a snapshot that is there has all below it.
        """
        layers = [entry for entry in entries if entry.layer is not None]
        chains = {entry.chain for entry in layers}
        stacked = [chain for chain in chain_ids(diff_ids) if chain in chains]
        asked = [*stacked[-1:], *sorted(chains.difference(stacked))]
        snapshots = asyncio.gather(*(self._has_snapshot(chain) for chain in asked))
        blobs, answers = await asyncio.gather(self._blobs(layers), snapshots)
        gone = {chain for chain, there in zip(asked, answers, strict=True) if not there}
        gone |= set(stacked) if gone.intersection(stacked) else set()
        lost = [(each.key,) for each in layers if each.chain in gone or each.digest not in blobs]
        now = time.time()
        with self._rows:
            self._rows.execute("BEGIN")
            self._rows.executemany("DELETE FROM steps WHERE key = ?", lost)
            self._rows.executemany(
                "UPDATE steps SET used = ?, uses = uses + 1 WHERE key = ?", [(now, entry.key) for entry in entries]
            )
        return not lost

    async def _blobs(self, entries: Sequence[Entry]) -> set[str]:
        filters = [f"digest=={digest}" for digest in sorted({entry.digest for entry in entries})]
        return {info.digest for info in await self._content.list(*filters)} if filters else set()

    async def _has_snapshot(self, chain: str) -> bool:
        try:
            await self._snapshots.stat(chain)
        except NotFound:
            return False
        return True

    async def keep(self, key: str, created: str, description: str, layer: Layer | None, before: State) -> None:
        """Remember a result; an earlier one of the same key gives way."""
        chain, root = "", ""
        if layer is not None:
            chain = chain_ids((*before.diff_ids, layer.diff_id))[-1]
            root = await self._root(key, layer, chain)
        old = self._rows.execute("SELECT root FROM steps WHERE key = ?", (key,)).fetchone()
        blob = layer.descriptor if layer else Descriptor("", "", 0)
        now = time.time()
        self._rows.execute(
            "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (
                *(key, created, description, blob.media_type, blob.digest, blob.size),
                *(layer.diff_id if layer else "", chain, root, now, now),
            ),
        )
        if old is not None and old[0] and old[0] != root:
            await self._delete(old[0])
        self._trim()

    def all(self) -> list[Entry]:
        """Every entry, the one used longest ago first."""
        return [_entry(row) for row in self._rows.execute("SELECT * FROM steps ORDER BY used")]

    async def forget(self, entries: Iterable[Entry]) -> None:
        """Drop entries; the collector takes what nothing else holds."""
        for entry in entries:
            self._rows.execute("DELETE FROM steps WHERE key = ?", (entry.key,))
            if entry.root:
                await self._delete(entry.root)

    def close(self) -> None:
        """Let go of the file."""
        self._rows.close()

    async def _root(self, key: str, layer: Layer, chain: str) -> str:
        data = json.dumps({"wherry.build.step": key, "layer": layer.descriptor.digest, "chain": chain}).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        labels = {
            "containerd.io/gc.root": "wherry-build-cache",
            "containerd.io/gc.ref.content.layer": layer.descriptor.digest,
            f"containerd.io/gc.ref.snapshot.{self._snapshots.snapshotter}": chain,
        }
        # Two stages may end the same step at one moment, and a reference has one writer at a time.
        async with self._writing:
            await self._content.write(f"build-cache-{key}", data, digest, labels)
        return digest

    async def _delete(self, root: str) -> None:
        try:
            await self._content.delete(root)
        except NotFound:
            pass  # gone already is what was wanted

    def _trim(self) -> None:
        self._rows.execute(
            "DELETE FROM steps WHERE root = '' AND key IN (SELECT key FROM steps ORDER BY used DESC LIMIT -1 OFFSET ?)",
            (_LIMIT,),
        )


def _entry(row: tuple[str, str, str, str, str, int, str, str, str, float, float, int]) -> Entry:
    key, created, description, media_type, digest, size, diff_id, chain, root, made, used, uses = row
    layer = Layer(Descriptor(media_type, digest, size), diff_id) if digest else None
    return Entry(key, created, layer, chain, root, description, made, used, uses)
