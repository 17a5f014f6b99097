"""The folders behind `RUN --mount=type=cache`: one for each id, kept between builds until they are pruned.

    <folder>/<sha256 of the id>/          what steps see
    <folder>/<sha256 of the id>.json      {"id": …, "created": …}: for `system df`

`shared` folders have any number of steps at once, `locked` ones one after the other; a step that wants a `private` one
gets another copy where the first is taken. A folder is made under another name, then renamed: nobody sees half of it.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from engine import timestamps
from engine.builder.run_mounts import RunMount
from engine.builder.threads import finish


@dataclass(frozen=True, slots=True)
class Kept:
    """One folder, as `system df` and prune see it."""

    name: str
    id: str
    created: str
    used: float
    size: int
    in_use: bool


class CacheMounts:
    """All of one engine."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: dict[str, int] = {}

    @contextlib.asynccontextmanager
    async def held(self, mount: RunMount, fill: Callable[[str], None]) -> AsyncIterator[str]:
        """The path of a mount's folder for as long as a step runs; `fill` gives a new one its first content."""
        async with contextlib.AsyncExitStack() as stack:
            if mount.sharing == "locked":
                await stack.enter_async_context(self._locks.setdefault(mount.id, asyncio.Lock()))
            name = self._name(mount)
            self._users[name] = self._users.get(name, 0) + 1
            stack.callback(self._release, name)
            path = f"{self._folder}/{name}"
            await finish(self._make, path, mount, fill)
            os.utime(path)
            yield path

    def _name(self, mount: RunMount) -> str:
        number = 0
        while True:
            text = mount.id if not number else f"{mount.id}\0{number}"
            name = hashlib.sha256(text.encode()).hexdigest()
            if mount.sharing != "private" or not self._users.get(name):
                return name
            number += 1

    def _release(self, name: str) -> None:
        self._users[name] -= 1
        if not self._users[name]:
            del self._users[name]

    def _make(self, path: str, mount: RunMount, fill: Callable[[str], None]) -> None:
        if os.path.isdir(path):
            return
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        made = tempfile.mkdtemp(prefix="new-", dir=self._folder)
        try:
            fill(made)
            os.chown(made, mount.uid, mount.gid)
            os.chmod(made, mount.mode)
            with open(f"{path}.json", "w") as file:
                json.dump({"id": mount.id, "created": timestamps.now()}, file)
            os.rename(made, path)
        except BaseException as error:
            shutil.rmtree(made, ignore_errors=True)
            if not (isinstance(error, OSError) and os.path.isdir(path)):  # another step was faster
                raise

    def usage(self) -> list[Kept]:
        """All folders, the one used longest ago first. Blocking: sizes are counted."""
        names = os.listdir(self._folder) if os.path.isdir(self._folder) else []
        found = [self._kept(name) for name in names if len(name) == 64]
        return sorted((one for one in found if one is not None), key=lambda one: one.used)

    def _kept(self, name: str) -> Kept | None:
        path = f"{self._folder}/{name}"
        told: dict[str, Any] = {}
        try:
            with contextlib.suppress(FileNotFoundError, ValueError), open(f"{path}.json") as file:
                told = json.load(file)
            used = os.stat(path).st_mtime
        except OSError:
            return None
        identifier, created = str(told.get("id", "")), str(told.get("created", timestamps.from_seconds(int(used))))
        return Kept(name, identifier, created, used, _size(path), name in self._users)

    def remove(self, name: str) -> bool:
        """Drop a folder, unless a step has it. Blocking."""
        path = f"{self._folder}/{name}"
        gone = f"{self._folder}/gone-{name}"
        if name in self._users:
            return False
        try:
            os.rename(path, gone)
        except OSError:
            return False
        with contextlib.suppress(OSError):
            os.unlink(f"{path}.json")
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def sweep(self) -> None:
        """What an engine that died left half made or half removed."""
        for name in os.listdir(self._folder) if os.path.isdir(self._folder) else ():
            if name.startswith(("new-", "gone-")):
                shutil.rmtree(f"{self._folder}/{name}", ignore_errors=True)


def _size(path: str) -> int:
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(f"{folder}/{name}").st_blocks * 512
    return total
