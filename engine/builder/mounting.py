"""`RUN --mount=…` as mounts of the step's container: places for them in the tree, sources on the host.

Sources are opened inside of their own root by openat2(2) and bound by fd onto a private folder, so that no link in a
context, stage or image can lead a bind elsewhere (CVE-2024-23651, CVE-2024-1753). Cache folders are the engine's.
A secret's bytes are in a file below the exec root (a tmpfs on any sane host) for as long as the step runs.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import Any

from engine import kernel
from engine.builder.copy import Copier, Rules
from engine.builder.run_mounts import RunMount
from proto.errdefs import InvalidArgument

logger = logging.getLogger(__name__)

Json = dict[str, Any]


class Mounting:
    """Prepares sources, and clears them away."""

    def __init__(self, caches: str, private: str) -> None:
        self._caches = caches
        self._private = private
        self._locks: dict[str, asyncio.Lock] = {}

    @contextlib.asynccontextmanager
    async def prepared(
        self, mounts: list[RunMount], roots: Mapping[str, int], secrets: Mapping[str, bytes]
    ) -> AsyncIterator[list[Json]]:
        """The mounts for the length of a step; `roots` has an fd for each `from`, "" being the context."""
        async with contextlib.AsyncExitStack() as stack:
            os.makedirs(self._private, mode=0o700, exist_ok=True)
            folder = tempfile.mkdtemp(prefix="step-", dir=self._private)
            stack.callback(_clear, folder)
            done: list[Json] = []
            for number, mount in enumerate(mounts):
                if mount.kind == "cache" and mount.sharing == "locked":
                    await stack.enter_async_context(self._locks.setdefault(mount.id, asyncio.Lock()))
                self._one(done, mount, f"{folder}/{number}", roots, secrets)
            yield done

    def _one(
        self, done: list[Json], mount: RunMount, place: str, roots: Mapping[str, int], secrets: Mapping[str, bytes]
    ) -> None:
        if mount.kind == "tmpfs":
            options = {"TmpfsOptions": {"SizeBytes": mount.size}} if mount.size else {}
            done.append({"Type": "tmpfs", "Target": mount.target, **options})
        elif mount.kind == "secret":
            self._secret(done, mount, place, secrets)
        elif mount.kind == "cache":
            done.append(_bind(self._cache(mount), mount))
        else:
            bind_inside(roots[mount.origin], mount.source, place)
            done.append(_bind(place, mount))

    def _secret(self, done: list[Json], mount: RunMount, place: str, secrets: Mapping[str, bytes]) -> None:
        value = secrets.get(mount.id)
        if value is None:
            if mount.required:
                raise InvalidArgument(f"secret {mount.id}: not found")
            return
        fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(value)
            file.flush()
            os.fchown(fd, mount.uid, mount.gid)
            os.fchmod(fd, mount.mode)
        done.append(_bind(place, mount, read_only=True))

    def _cache(self, mount: RunMount) -> str:
        path = f"{self._caches}/{hashlib.sha256(mount.id.encode()).hexdigest()}"
        if not os.path.isdir(path):
            os.makedirs(path, mode=0o700, exist_ok=True)
            os.chown(path, mount.uid, mount.gid)
            os.chmod(path, mount.mode)
        return path

    def sweep(self) -> None:
        """Clear what steps of an engine that died had mounted."""
        for name in os.listdir(self._private) if os.path.isdir(self._private) else ():
            try:
                _clear(f"{self._private}/{name}")
            except OSError as error:
                logger.warning("clearing a dead build's mounts in %s: %s", name, error)

    def prune(self) -> int:
        """Empty the cache mounts that no step holds; the bytes that were in them."""
        freed = 0
        for name in os.listdir(self._caches) if os.path.isdir(self._caches) else ():
            path = f"{self._caches}/{name}"
            freed += _size(path)
            shutil.rmtree(path, ignore_errors=True)
        return freed


def make_places(root: int, mounts: list[RunMount], secrets: Mapping[str, bytes], kinds: Mapping[str, bool]) -> bool:
    """Empty files and folders to mount on; `kinds`: which targets are files."""
    places = Copier(-1, root, Rules())
    for mount in mounts:
        if not mount.target or (mount.kind == "secret" and mount.id not in secrets):
            continue
        if not kinds.get(mount.target, mount.kind == "secret"):
            os.close(places.make_folders(mount.target))
            continue
        parent = places.make_folders(os.path.dirname(mount.target))
        try:
            flags = os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with contextlib.suppress(FileExistsError):
                os.close(os.open(os.path.basename(mount.target), flags, 0o600, dir_fd=parent))
        finally:
            os.close(parent)
    return True


def is_file(root: int, path: str) -> bool:
    """Is a bind's source a file; InvalidArgument where there is none."""
    fd = _open_inside(root, path)
    try:
        return not stat.S_ISDIR(os.fstat(fd).st_mode)
    finally:
        os.close(fd)


def bind_inside(root: int, path: str, place: str) -> None:
    """Bind something inside of a root onto a fresh place of its kind."""
    fd = _open_inside(root, path)
    try:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            os.mkdir(place, 0o700)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        kernel.mount(f"/proc/self/fd/{fd}", place, "", kernel.MS_BIND)
    finally:
        os.close(fd)


def _open_inside(root: int, path: str) -> int:
    try:
        return kernel.openat2(root, path.lstrip("/") or ".", os.O_PATH)
    except OSError as error:
        raise InvalidArgument(f"mount source {path or '/'}: {(error.strerror or 'unknown').lower()}") from None


def _bind(source: str, mount: RunMount, *, read_only: bool | None = None) -> Json:
    fixed = mount.read_only if read_only is None else read_only
    return {"Type": "bind", "Source": source, "Target": mount.target, "ReadOnly": fixed}


def _clear(folder: str) -> None:
    """Unmount first: what is below a mount is not ours to delete (CVE-2024-23652)."""
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        with contextlib.suppress(OSError):  # no mount there: a secret's file
            kernel.umount(path)
        if os.path.isdir(path):
            os.rmdir(path)  # fails rather than deletes, should something still be mounted
        else:
            os.unlink(path)
    os.rmdir(folder)


def _size(path: str) -> int:
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(f"{folder}/{name}").st_size
    return total
