"""A container's file system: its snapshot, the layer of empty mount points below it, and single files read without
mounting.

Below each container's own snapshot lies one that all containers of an image share: `/.dockerenv` and empty places
for the mounts that every container has, so that starting writes nothing into the container's layer. It is made when
first needed and kept alive by a reference from the image's configuration blob, so it goes when the image goes.
"""

import asyncio
import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import AsyncIterator, Sequence

from engine import kernel
from engine.containers.neighbours import ImageRecord
from engine.containers.room import Supervisor
from proto.containerd.services.content.v1 import content_pb2
from proto.containerd.types import mount_pb2
from proto.errdefs import AlreadyExists, NotFound

OWNER_LABEL = "io.wherry.container"
ROOT_LABEL = "containerd.io/gc.root"
_FILE_LIMIT = 1 << 20  # passwd and group of an image: more is refused rather than read (CVE-2026-47262)

FOLDERS = ("dev/pts", "dev/shm", "etc", "proc", "sys")
FILES = (".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf")


class Rootfs:
    """The snapshots of containers."""

    def __init__(self, supervisor: Supervisor, temporary: str) -> None:
        self._supervisor = supervisor
        self._temporary = temporary

    async def prepare(self, container_id: str, image: ImageRecord) -> list[mount_pb2.Mount]:
        """The container's own snapshot; one round trip when the image's init layer is there."""
        labels = {ROOT_LABEL: "wherry", OWNER_LABEL: container_id}
        parent = init_layer(image.top)
        snapshots = self._supervisor.snapshots
        for _ in range(3):
            try:
                return await snapshots.prepare(container_id, parent, labels)
            except NotFound:
                await self._make_init_layer(image)
        return await snapshots.prepare(container_id, parent, labels)

    async def remove(self, container_id: str) -> None:
        """Remove it; a second time is no error."""
        with contextlib.suppress(NotFound):
            await self._supervisor.snapshots.remove(container_id)

    async def _make_init_layer(self, image: ImageRecord) -> None:
        snapshots, key = self._supervisor.snapshots, f"wherry-init-{secrets.token_hex(8)}"
        async with self._supervisor.leases.hold(key) as lease:
            mounts = await snapshots.prepare(key, image.top, lease=lease)
            try:
                async with self.mounted(mounts) as target:
                    await asyncio.to_thread(_fill, target)
                await snapshots.commit(init_layer(image.top), key, lease=lease)
            except AlreadyExists:  # another container of the image was faster
                await snapshots.remove(key)
            except BaseException:
                with contextlib.suppress(NotFound):
                    await snapshots.remove(key)
                raise
            label = f"containerd.io/gc.ref.snapshot.{snapshots.snapshotter}/wherry-init"
            info = content_pb2.Info(digest=image.id, labels={label: init_layer(image.top)})
            with contextlib.suppress(NotFound):
                await self._supervisor.content.update(info, [f"labels.{label}"])

    @contextlib.asynccontextmanager
    async def mounted(self, mounts: Sequence[mount_pb2.Mount]) -> AsyncIterator[str]:
        """The mounts on a folder of their own, for the length of a block."""
        target = tempfile.mkdtemp(prefix="mount-", dir=self._temporary)
        try:
            kernel.mount_all(mounts, target)
            try:
                yield target
            finally:
                await asyncio.to_thread(kernel.umount, target)
        finally:
            os.rmdir(target)

    @contextlib.asynccontextmanager
    async def mounted_snapshot(self, container_id: str) -> AsyncIterator[str]:
        """A stopped container's file system, for the length of a block."""
        async with self.mounted(await self._supervisor.snapshots.mounts(container_id)) as target:
            yield target


def init_layer(top: str) -> str:
    """The name of an image's init layer."""
    return f"wherry-init-{top}"


def _fill(target: str) -> None:
    root = os.open(target, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in FOLDERS:
            with contextlib.suppress(NotADirectoryError, FileExistsError):
                os.close(kernel.make_folder(root, folder))
        for name in FILES:
            _place(root, name)
        with contextlib.suppress(OSError):
            etc = kernel.openat2(root, "etc", os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.symlink("/proc/mounts", "mtab", dir_fd=etc)
            finally:
                os.close(etc)
    finally:
        os.close(root)


def _place(root: int, name: str) -> None:
    """An empty file, unless the image has something of that name."""
    try:
        folder = kernel.openat2(root, os.path.dirname(name) or ".", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        os.close(os.open(os.path.basename(name), os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755, dir_fd=folder))
    except FileExistsError:
        pass
    finally:
        os.close(folder)


class Layers:
    """Reads single files of a snapshot straight from its layers."""

    def __init__(self, mounts: Sequence[mount_pb2.Mount]) -> None:
        self.folders = _layer_folders(mounts)

    def read(self, path: str) -> str | None:
        """A small text file; "" where there is none, None where only a mount can tell (links, opaque folders)."""
        if not self.folders:
            return None
        for layer in self.folders:
            try:
                root = os.open(layer, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                return None
            try:
                found = _read_in_layer(root, path)
            finally:
                os.close(root)
            if found is not _LOWER:
                return found if isinstance(found, str) else None
        return ""

    def has_folder(self, path: str) -> bool:
        """Plainly there in some layer, no link on the way; False also where only a mount can tell."""
        no_links = kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_SYMLINKS
        for layer in self.folders:
            root = os.open(layer, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.close(kernel.openat2(root, path, os.O_PATH | os.O_DIRECTORY, resolve=no_links))
            except FileNotFoundError:
                continue
            except OSError:
                return False
            finally:
                os.close(root)
            return True
        return False


_LOWER = object()


def _read_in_layer(root: int, path: str) -> object:
    """The text, None (ask a mount), or _LOWER (this layer says nothing)."""
    no_links = kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_SYMLINKS
    try:
        fd = kernel.openat2(root, path, os.O_RDONLY | os.O_NONBLOCK, resolve=no_links)
    except FileNotFoundError:
        return _LOWER if _folder_is_plain(root, os.path.dirname(path)) else None
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        if stat.S_ISCHR(found.st_mode):
            return "" if found.st_rdev == 0 else None
        if not stat.S_ISREG(found.st_mode) or found.st_size > _FILE_LIMIT:
            return None
        return os.read(fd, _FILE_LIMIT).decode("utf-8", "replace")
    finally:
        os.close(fd)


def _folder_is_plain(root: int, path: str) -> bool:
    """The folder is not there, or is there and lets the lower layers show through."""
    try:
        fd = kernel.openat2(root, path, os.O_RDONLY | os.O_NONBLOCK, resolve=kernel.RESOLVE_IN_ROOT | 0x04)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            return False
        os.getxattr(fd, "trusted.overlay.opaque")
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def _layer_folders(mounts: Sequence[mount_pb2.Mount]) -> list[str]:
    """Upper first, then the lower ones from the top; empty where the mounts are of another kind."""
    if len(mounts) != 1:
        return []
    entry = mounts[0]
    if entry.type != "overlay":
        return [entry.source] if entry.type == "bind" else []
    options = dict(option.partition("=")[::2] for option in entry.options)
    folders = [options["upperdir"]] if "upperdir" in options else []
    return folders + options.get("lowerdir", "").split(":")
