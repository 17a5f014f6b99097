"""The table of volumes and their folders (`local` driver).

volumes(name TEXT PRIMARY KEY, document TEXT)      folder: <data-root>/volumes/<name>/_data
"""

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine import timestamps
from engine.descent import FOLDER, remove_tree, size_of_files
from engine.events.bus import Bus
from engine.volumes import mounting
from proto.errdefs import Conflict, InvalidArgument, NotFound

logger = logging.getLogger(__name__)

_NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+\Z")
_LONGEST = 255  # a file's name: a volume is a folder
_GONE = ".gone-"  # begins the folder of a volume that is being deleted; no volume has such a name
ANONYMOUS_LABEL = "com.docker.volume.anonymous"


@dataclass(frozen=True, slots=True)
class Volume:
    """One volume."""

    name: str
    created: str
    labels: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    pending: bool = False  # made for a container that is being made: goes if that never comes to be

    @property
    def anonymous(self) -> bool:
        """Made because a container needed one."""
        return ANONYMOUS_LABEL in self.labels


class Volumes:
    """Find, make and remove volumes; who uses them is asked of the containers."""

    def __init__(self, connection: sqlite3.Connection, folder: str, bus: Bus) -> None:
        self._db = connection
        self._db.execute("CREATE TABLE IF NOT EXISTS volumes (name TEXT PRIMARY KEY, document TEXT NOT NULL)")
        self._folder = folder
        self._bus = bus
        self.users: Callable[[str], Iterable[str]] = lambda name: ()

    def mountpoint(self, name: str) -> str:
        """Where its content is."""
        return f"{self._folder}/{name}/_data"

    def get(self, name: str) -> Volume:
        """By name."""
        row = self._db.execute("SELECT document FROM volumes WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise NotFound(f"get {name}: no such volume")
        return Volume(**json.loads(row[0]))

    def list(self) -> list[Volume]:
        """All, by name."""
        rows = self._db.execute("SELECT document FROM volumes ORDER BY name").fetchall()
        return [Volume(**json.loads(document)) for (document,) in rows]

    def ensure(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        pending: bool = False,
    ) -> Volume:
        """The volume of that name, made if it is not there; no name makes an anonymous one."""
        if not name:
            name, labels = secrets.token_hex(32), dict(labels or {}) | {ANONYMOUS_LABEL: ""}
        elif len(name) == 1:
            raise InvalidArgument(
                f"create {name}: volume name is too short, names should be at least two alphanumeric characters"
            )
        elif not _NAME.match(name):
            raise InvalidArgument(
                f'create {name}: "{name}" includes invalid characters for a local volume name, only '
                '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'
            )
        elif len(name) > _LONGEST:
            raise InvalidArgument(f"create {name[:32]}…: file name too long: {len(name)} letters, {_LONGEST} at most")
        try:
            return self.get(name)
        except NotFound:
            pass
        mounting.check(name, options or {})
        volume = Volume(name, timestamps.now(), dict(labels or {}), dict(options or {}), pending)
        os.makedirs(self.mountpoint(name), mode=0o755, exist_ok=True)
        os.chmod(os.path.dirname(self.mountpoint(name)), 0o701)
        self._db.execute("INSERT INTO volumes (name, document) VALUES (?, ?)", (name, json.dumps(asdict(volume))))
        self._bus.publish("volume", "create", name, {"driver": "local"})
        return volume

    def keep(self, names: Iterable[str]) -> None:
        """They belong to a container now."""
        for name in names:
            document = json.dumps(asdict(replace(self.get(name), pending=False)))
            self._db.execute("UPDATE volumes SET document = ? WHERE name = ?", (document, name))

    def remove(self, name: str, *, force: bool = False) -> None:
        """Delete a volume that nobody uses; one that has much in it takes its time."""
        if gone := self._retire(name, force=force):
            self._delete(gone)

    async def erase(self, name: str, *, force: bool = False) -> None:
        """As `remove`, in a thread: the name is free at once."""
        if gone := self._retire(name, force=force):
            await asyncio.to_thread(self._delete, gone)

    def sweep(self) -> None:
        """Finish what an earlier engine had begun to delete."""
        for name in os.listdir(self._folder):
            if name.startswith(_GONE):
                self._delete(name)

    def _retire(self, name: str, *, force: bool) -> str:
        """Take a volume out of sight; what its folder is called now."""
        try:
            self.get(name)
        except NotFound:
            if force:
                return ""
            raise
        users = list(self.users(name))
        if users:
            raise Conflict(f"remove {name}: volume is in use - [{', '.join(users)}]")
        mounting.unmount(self.mountpoint(name))
        gone = f"{_GONE}{secrets.token_hex(8)}"
        with contextlib.suppress(FileNotFoundError):  # somebody has deleted it by hand
            os.rename(f"{self._folder}/{name}", f"{self._folder}/{gone}")
        self._db.execute("DELETE FROM volumes WHERE name = ?", (name,))
        self._bus.publish("volume", "destroy", name, {"driver": "local"})
        return gone

    def _delete(self, gone: str) -> None:
        """What cannot be deleted (something is mounted there) stays until the next start, and is told of."""
        fd = os.open(self._folder, FOLDER)
        try:
            remove_tree(fd, gone)
        except OSError as error:
            logger.warning("deleting the files of a volume, %s/%s: %s", self._folder, gone, error)
        finally:
            os.close(fd)

    def activate(self, name: str) -> None:
        """Somebody is about to use it: mount it, if it is a mount."""
        try:
            volume = self.get(name)
        except NotFound:
            return  # removed by force under a container's feet
        mounting.mount(name, volume.options, self.mountpoint(name))

    def deactivate(self, name: str) -> None:
        """Nobody uses it now."""
        mounting.unmount(self.mountpoint(name))

    def size(self, name: str) -> int:
        """Bytes of its files."""
        try:
            folder = os.open(self.mountpoint(name), FOLDER)
        except OSError:
            return 0
        try:
            return size_of_files(folder)
        finally:
            os.close(folder)

    def to_json(self, volume: Volume) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "CreatedAt": timestamps.from_ns(timestamps.to_ns(volume.created) // 10**9 * 10**9),
            "Driver": "local",
            "Labels": volume.labels or None,
            "Mountpoint": self.mountpoint(volume.name),
            "Name": volume.name,
            "Options": volume.options or None,
            "Scope": "local",
        }
