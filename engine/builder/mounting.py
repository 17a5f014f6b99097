"""`RUN --mount=…` as mounts of the step's container: places for them in the tree, sources on the host.

Sources are opened inside of their own root by openat2(2) and bound by fd onto a private folder, so that no link in a
context, stage or image can lead a bind elsewhere (CVE-2024-23651, CVE-2024-1753). Cache folders are the engine's.
A secret's bytes are in a file below the exec root (a tmpfs on any sane host) for as long as the step runs.
"""

import contextlib
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from engine import kernel
from engine.builder import agents
from engine.builder.cache_mounts import CacheMounts
from engine.builder.client import Client
from engine.builder.copy import Copier, Rules, transfer
from engine.builder.run_mounts import RunMount
from engine.builder.sources import Source
from proto.errdefs import InvalidArgument

logger = logging.getLogger(__name__)

Json = dict[str, Any]


class Mounting:
    """Prepares sources, and clears them away."""

    def __init__(self, caches: CacheMounts, private: str, temporary: str) -> None:
        self.caches = caches
        self._private = private
        self._temporary = temporary

    @contextlib.asynccontextmanager
    async def prepared(
        self,
        mounts: list[RunMount],
        roots: Mapping[str, int],
        secrets: Mapping[str, bytes],
        client: Client | None = None,
    ) -> AsyncIterator[list[Json]]:
        """The mounts for the length of a step; `roots` has an fd for each `from`, "" being the context."""
        async with contextlib.AsyncExitStack() as stack:
            os.makedirs(self._private, mode=0o700, exist_ok=True)
            folder = tempfile.mkdtemp(prefix="step-", dir=self._private)
            stack.callback(_clear, folder)
            done: list[Json] = []
            for number, mount in enumerate(mounts):
                place = f"{folder}/{number}"
                if mount.kind == "tmpfs":
                    options = {"TmpfsOptions": {"SizeBytes": mount.size}} if mount.size else {}
                    done.append({"Type": "tmpfs", "Target": mount.target, **options})
                elif mount.kind == "secret":
                    self._secret(done, mount, place, secrets)
                elif mount.kind == "ssh":
                    if await stack.enter_async_context(agents.listening(client, mount, folder, str(number))):
                        done.append(_bind(place, mount))
                elif mount.kind == "cache":
                    held = self.caches.held(mount, _first_content(mount, roots))
                    done.append(_bind(await stack.enter_async_context(held), mount))
                else:
                    bind_inside(roots[mount.origin], mount.source, place)
                    if not mount.read_only:
                        place = stack.enter_context(self._over(place))
                    done.append(_bind(place, mount))
            yield done

    @contextlib.contextmanager
    def _over(self, place: str) -> Iterator[str]:
        """What may be written over a bind, and is lost after the step."""
        scratch = tempfile.mkdtemp(prefix="over-", dir=self._temporary)
        over = f"{scratch}/merged"
        try:
            if not os.path.isdir(place):
                _copy_file(place, over)
                yield over
                return
            for name in ("upper", "work", "merged"):
                os.mkdir(f"{scratch}/{name}")
            found = os.stat(place)
            os.chown(f"{scratch}/upper", found.st_uid, found.st_gid)
            os.chmod(f"{scratch}/upper", stat.S_IMODE(found.st_mode))
            data = f"lowerdir={place},upperdir={scratch}/upper,workdir={scratch}/work"
            kernel.mount("overlay", over, "overlay", 0, data)
            try:
                yield over
            finally:
                kernel.umount(over)
        finally:
            if os.path.ismount(over):
                logger.warning("%s is still mounted, and stays", over)
            else:
                shutil.rmtree(scratch, ignore_errors=True)

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

    def sweep(self) -> None:
        """Clear what steps of an engine that died had mounted."""
        for name in os.listdir(self._private) if os.path.isdir(self._private) else ():
            try:
                _clear(f"{self._private}/{name}")
            except OSError as error:
                logger.warning("clearing a dead build's mounts in %s: %s", name, error)
        self.caches.sweep()


def make_places(root: int, given: list[Json], kinds: Mapping[str, bool]) -> bool:
    """Empty files and folders to mount on; `kinds`: which targets are files."""
    places = Copier(-1, root, Rules())
    for target in (mount["Target"] for mount in given):
        if not kinds.get(target):
            os.close(places.make_folders(target))
            continue
        parent = places.make_folders(os.path.dirname(target))
        try:
            flags = os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with contextlib.suppress(FileExistsError):
                os.close(os.open(os.path.basename(target), flags, 0o600, dir_fd=parent))
        finally:
            os.close(parent)
    return True


def with_own_ids(mount: Json) -> Json:
    """A bind for a container with a user namespace: its files have the ids that they have on disk. What is part of a
    stage lies on overlayfs, which cannot be shown so, and can only be read, as far as everybody may.
    """
    if mount["Type"] != "bind" or kernel.filesystem(mount["Source"]) == kernel.OVERLAYFS_MAGIC:
        return mount
    return {**mount, "BindOptions": {"IDMapping": {"Source": "userns"}}}


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


def _first_content(mount: RunMount, roots: Mapping[str, int]) -> Callable[[str], None]:
    """What a new cache folder begins with: nothing, or what `from` and `source` name."""

    def fill(folder: str) -> None:
        if not mount.origin and not mount.source:
            return
        target = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            path = mount.source.lstrip("/") or "."
            if is_file(roots[mount.origin], path):
                raise InvalidArgument(f"the source of a cache is a folder, and {mount.source} is none")
            Copier(roots[mount.origin], target, Rules(owner=None)).copy([Source(path, True, "")], "/")
        finally:
            os.close(target)

    return fill


def _copy_file(source: str, target: str) -> None:
    found = os.stat(source)
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            transfer(reading, writing)
            os.fchown(writing, found.st_uid, found.st_gid)
            os.fchmod(writing, stat.S_IMODE(found.st_mode))
        finally:
            os.close(writing)
    finally:
        os.close(reading)
