"""What is kept of builds, as `system df` shows it, and which of it a prune takes. Pure.

Records are steps with a layer (`regular`), contexts (`source.local`) and cache mounts (`exec.cachemount`). Without
`all` a prune leaves the cache mounts alone, unless a filter names their type. Filters are dockerd's; of several all
must hold.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engine import timestamps
from engine.builder.cache import Entry
from engine.builder.cache_mounts import Kept
from engine.filters import Filters
from proto.errdefs import InvalidArgument

FILTERS = (
    *("id", "parent", "type", "description", "inuse", "shared", "private", "until", "unused-for", "label", "label!"),
)
REGULAR, MOUNT, LOCAL = "regular", "exec.cachemount", "source.local"
_FLAGS = {"inuse": "in_use", "shared": "shared", "private": "private"}


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that is kept."""

    id: str
    type: str
    description: str
    created: str
    used: float
    uses: int
    size: int
    in_use: bool
    key: str

    @property
    def shared(self) -> bool:
        """Does an image hold it too: not known here, so nobody counts its bytes twice."""
        return False

    @property
    def private(self) -> bool:
        """The other way round."""
        return not self.shared

    def document(self) -> dict[str, Any]:
        """As an entry of `BuildCache`."""
        return {
            "ID": self.id,
            "Type": self.type,
            "Description": self.description,
            "InUse": self.in_use,
            "Shared": self.shared,
            "Size": self.size,
            "CreatedAt": self.created,
            "LastUsedAt": timestamps.from_seconds(self.used),
            "UsageCount": self.uses,
        }


def of_step(entry: Entry, in_use: bool) -> Record:
    """A step that made a layer."""
    return Record(
        entry.key[:25],
        REGULAR,
        entry.description,
        entry.created,
        entry.used,
        entry.uses,
        entry.size,
        in_use,
        entry.key,
    )


def of_mount(kept: Kept) -> Record:
    """A cache mount's folder."""
    name = f"cached mount {kept.id.partition(chr(0))[0]}" if kept.id else "cached mount"
    return Record(kept.name[:25], MOUNT, name, kept.created, kept.used, 1, kept.size, kept.in_use, kept.name)


def of_context(name: str, size: int, used: float, in_use: bool) -> Record:
    """A context that was kept."""
    made = timestamps.from_seconds(used)
    return Record(name[:25], LOCAL, "local source for context", made, used, 1, size, in_use, name)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may stay, in bytes; 0 says nothing. With none of them nothing is kept."""

    reserved: int = 0  # so much stays in any case
    most: int = 0
    free: int = 0  # so much of the disk is to be free

    def keep(self, total: int, free: int) -> int:
        """What of `total` bytes may stay on a disk that has `free` ones; as BuildKit reckons."""
        keep = self.most
        if self.free > free:
            keep = min(keep or total, total - (self.free - free))
        elif self.free and not keep:
            keep = total  # there is room enough: nothing need go
        return max(keep, self.reserved, 0)

    @property
    def given(self) -> bool:
        """Any of them."""
        return bool(self.reserved or self.most or self.free)


@dataclass(frozen=True, slots=True)
class Prune:
    """What a client asked of `POST /build/prune`."""

    everything: bool = False
    limits: Limits = field(default_factory=Limits)
    filters: Filters = field(default_factory=Filters)

    def choose(self, records: Iterable[Record], free: int = 0) -> list[Record]:
        """The records that go, the one used longest ago first; `free`: of the disk."""
        until = self._until()
        known = sorted(records, key=lambda record: record.used)
        total, chosen = sum(record.size for record in known), list[Record]()
        keep = self.limits.keep(total, free)
        for record in known:
            if self.limits.given and total <= keep:
                break
            if record.in_use or record.used > until or not self.takes(record):
                continue
            chosen.append(record)
            total -= record.size
        return chosen

    def takes(self, record: Record) -> bool:
        """Do the filters allow it."""
        if record.type == MOUNT and not self.everything and "type" not in self.filters:
            return False
        wanted = {name: _single(self.filters, name) for name in FILTERS if name in self.filters}
        for name, value in wanted.items():
            if name in _FLAGS:
                if getattr(record, _FLAGS[name]) != (value.lower() in ("", "1", "true")):
                    return False
            elif name == "id":
                if not re.search(_pattern(value), record.id):
                    return False
            elif (name == "type" and record.type != value) or (name == "description" and record.description != value):
                return False
            elif name in ("parent", "label"):
                return False  # no record has any
        return True

    def _until(self) -> float:
        names = [name for name in ("until", "unused-for") if name in self.filters]
        if len(names) > 1:
            raise InvalidArgument('conflicting filters: "until" and "unused-for"')
        if not names:
            return time.time() + 1
        try:
            return timestamps.since_ns(_single(self.filters, names[0])) / 1e9
        except InvalidArgument as fault:
            text = f"\"{names[0]}\" filter expects a duration (e.g., '24h') or a timestamp: {fault}"
            raise InvalidArgument(text) from fault


def _single(filters: Filters, name: str) -> str:
    values = filters.get(name)
    if len(values) > 1:
        raise InvalidArgument("filters expect only one value")
    return values[0]


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise InvalidArgument(f"invalid filter 'id={text}': {error}") from None
    return text
