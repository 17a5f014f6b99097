"""A task's bundle on disk: STATE/<namespace>/<id>, made before its shim and gone after it.

    config.json       the OCI spec
    rootfs/           where the shim mounts the root file system
    work              -> ROOT/<namespace>/<id>, which outlives a reboot
    work/checkpoint   CRIU's images that the task is restored from
    log               fifo; the shim writes its log into it
    shim-binary-path  absolute path of the shim's program
    bootstrap.json    where the shim answers: {"version","address","protocol"}
    address           the same, as shims that print a bare address write it
    sandbox           the sandbox whose shim runs the task, where it is one's

A name with a leading dot is a bundle on its way out. Nothing here removes a directory that is still a mount point:
what cannot be unmounted stays, and the error says so.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from proto.errdefs import AlreadyExists, InvalidArgument
from supervisor.runtime.mounts import unmount_tree


@dataclass(frozen=True, slots=True)
class Bundle:
    """The paths of one bundle; one property per file."""

    path: str
    namespace: str
    id: str

    @property
    def config(self) -> str:
        return os.path.join(self.path, "config.json")

    @property
    def rootfs(self) -> str:
        return os.path.join(self.path, "rootfs")

    @property
    def work(self) -> str:
        return os.path.join(self.path, "work")

    @property
    def checkpoint(self) -> str:
        return os.path.join(self.work, "checkpoint")

    @property
    def log(self) -> str:
        return os.path.join(self.path, "log")

    @property
    def shim_binary_path(self) -> str:
        return os.path.join(self.path, "shim-binary-path")

    @property
    def bootstrap(self) -> str:
        return os.path.join(self.path, "bootstrap.json")

    @property
    def address(self) -> str:
        return os.path.join(self.path, "address")

    @property
    def sandbox(self) -> str:
        return os.path.join(self.path, "sandbox")

    def write(self, path: str, data: bytes, mode: int = 0o600) -> None:
        """Put a whole file in the bundle: never seen half-written."""
        temporary = os.path.join(self.path, f".{os.path.basename(path)}")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
        finally:
            os.close(fd)
        os.rename(temporary, path)

    def delete(self) -> None:
        """Unmount, then remove the bundle and its work directory; absent ones are no error."""
        work = _readlink(self.work)
        _remove_rootfs(self.rootfs)
        _remove_tree(self.path)
        if work is not None:
            _remove_tree(work)


class BundleRoots:
    """Where bundles live: `state` for what a reboot may take, `root` for the work directories."""

    def __init__(self, state: str, root: str) -> None:
        self._state = state
        self._root = root
        for folder in (state, root):
            os.makedirs(folder, mode=0o711, exist_ok=True)

    def bundle(self, namespace: str, container_id: str) -> Bundle:
        """The bundle's paths, whether or not it exists."""
        return Bundle(os.path.join(self._state, namespace, container_id), namespace, container_id)

    def create(self, namespace: str, container_id: str, spec: bytes) -> Bundle:
        """Make the bundle; raises AlreadyExists when there is one, and leaves nothing when it fails half-way."""
        bundle = self.bundle(namespace, container_id)
        os.makedirs(os.path.dirname(bundle.path), mode=0o711, exist_ok=True)
        try:
            os.mkdir(bundle.path, 0o700)
        except FileExistsError as error:
            raise AlreadyExists(f"mkdir {bundle.path}: file exists: already exists") from error
        try:
            self._fill(bundle, spec)
        except BaseException:
            bundle.delete()
            raise
        return bundle

    def _fill(self, bundle: Bundle, spec: bytes) -> None:
        group = mapped_root_group(spec) if spec else 0
        if group:
            os.chown(bundle.path, -1, group)
            os.chmod(bundle.path, 0o710)  # noqa: S103  (the container's root must pass through)
        os.mkdir(bundle.rootfs, 0o711)
        work = os.path.join(self._root, bundle.namespace, bundle.id)
        os.makedirs(os.path.dirname(work), mode=0o711, exist_ok=True)
        if os.path.lexists(work):  # a task of this name was cut off by a reboot
            shutil.rmtree(work)
        os.mkdir(work, 0o711)
        os.symlink(work, bundle.work)
        os.mkfifo(bundle.log, 0o700)
        if spec:
            bundle.write(bundle.config, spec, 0o644)

    def existing(self) -> Iterator[Bundle]:
        """Every bundle on disk, those on their way out excepted."""
        for namespace in _visible_directories(self._state):
            for container_id in _visible_directories(os.path.join(self._state, namespace)):
                yield self.bundle(namespace, container_id)

    def sweep(self, keep: frozenset[tuple[str, str]]) -> None:
        """Finish interrupted removals, and drop work directories whose bundle a reboot took; `keep` names live ones."""
        for base in (self._state, self._root):
            for namespace in _visible_directories(base):
                for name in os.listdir(os.path.join(base, namespace)):
                    path = os.path.join(base, namespace, name)
                    orphan = base == self._root and not os.path.lexists(self.bundle(namespace, name).path)
                    if (namespace, name) not in keep and (name.startswith(".") or orphan):
                        unmount_tree(path)
                        shutil.rmtree(path)


def mapped_root_group(spec: bytes) -> int:
    """The host's group for the container's group 0; 0 without a user namespace.

    Raises InvalidArgument for what is no spec: it came as a client sent it.
    """
    try:
        mappings = (json.loads(spec).get("linux") or {}).get("gidMappings") or ()
        for mapping in mappings:
            if mapping.get("containerID") == 0 and mapping.get("size", 0) > 0:
                return int(mapping.get("hostID", 0))
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"container spec is not JSON: {error}") from error
    except (AttributeError, TypeError) as error:
        raise InvalidArgument("container spec is not an OCI runtime spec: its gidMappings cannot be read") from error
    return 0


def _visible_directories(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(
                entry.name
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            )
    except FileNotFoundError:
        return []


def _readlink(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _remove_rootfs(path: str) -> None:
    """rmdir(2) refuses a mount point, so the common case costs one call and no look at the mount table."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
            raise
        unmount_tree(path)
        os.rmdir(path)


def _remove_tree(path: str) -> None:
    """Hide first, then remove: whoever looks sees the whole or nothing."""
    hidden = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}")
    try:
        os.rename(path, hidden)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(hidden)  # left by a removal that a crash interrupted
        os.rename(path, hidden)
    shutil.rmtree(hidden)
