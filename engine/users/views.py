"""Files as a user namespace sees them: idmapped mounts of folders, and of a container's whole file system.

overlayfs itself cannot be mapped, its layers can (Linux 5.19): the folder of all layers is shown mapped, and the
overlay is made of what is seen there. It writes with the rights of whoever mounted it, and the host's root has no id in
a mapped folder: so it is mounted by a thread that makes files as the container's root.
"""

import contextlib
import errno
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence

from engine import kernel
from engine.users import linux
from engine.users.namespaces import Held
from proto.containerd.types import mount_pb2
from proto.errdefs import FailedPrecondition, Unimplemented

_FLAGS = {"ro": kernel.MS_RDONLY, "nosuid": kernel.MS_NOSUID, "nodev": kernel.MS_NODEV, "noexec": kernel.MS_NOEXEC}
_LAYERS = ("upperdir", "workdir")


def bind(source: str, place: str, userns: int, *, recursive: bool = True) -> None:
    """Show a folder or a file at a place with the owners that a user namespace sees."""
    tree = mapped(source, userns, recursive=recursive)
    try:
        linux.attach(tree, place)
    finally:
        os.close(tree)


def mapped(source: str, userns: int, *, recursive: bool = True, read_only: bool = False) -> int:
    """The fd of a mapped mount; what is mounted below the source is there, and as it is."""
    tree = linux.clone_tree(source, recursive=recursive)
    try:
        linux.set_attributes(tree, linux.ATTR_IDMAP | (linux.ATTR_RDONLY if read_only else 0), userns)
    except OSError as error:
        os.close(tree)
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        raise FailedPrecondition(
            f"{source}: its file system, or this kernel, cannot show files with other owners (idmapped mounts)"
        ) from error
    return tree


def mount_all(mounts: Sequence[mount_pb2.Mount], place: str, held: Held, temporary: str) -> None:
    """Make a snapshotter's mounts at a place, as the namespace sees them."""
    if len(mounts) != 1 or mounts[0].type not in ("overlay", "bind"):
        kinds = ", ".join(entry.type for entry in mounts)
        raise Unimplemented(f"a user namespace on a snapshot that is mounted as {kinds or 'nothing'}")
    entry = mounts[0]
    if entry.type == "bind":
        tree = mapped(entry.source, held.fd, read_only="ro" in entry.options)
        try:
            linux.attach(tree, place)
        finally:
            os.close(tree)
        return
    options = dict(option.partition("=")[::2] for option in entry.options)
    lowers = options.get("lowerdir", "").split(":")
    layers = [*lowers, *(options[name] for name in _LAYERS if name in options)]
    folder = os.path.commonpath(layers)
    device = os.stat(folder).st_dev
    if any(os.stat(layer).st_dev != device for layer in layers):  # it would be shown without what is mounted in it
        raise Unimplemented(f"a user namespace on layers that are mounts themselves, in {folder}")
    with _shown(folder, held, temporary) as view:
        _in_thread(lambda: _overlay(options, folder, view, place, held))


@contextlib.contextmanager
def _shown(folder: str, held: Held, temporary: str) -> Iterator[str]:
    """A mapped view of a folder; the overlay keeps what it needs of it."""
    view = tempfile.mkdtemp(prefix="view-", dir=temporary)
    try:
        bind(folder, view, held.fd, recursive=False)
        try:
            yield view
        finally:
            kernel.umount(view)
    finally:
        os.rmdir(view)


def _overlay(options: dict[str, str], folder: str, view: str, place: str, held: Held) -> None:
    """In a thread of its own. Paths are relative: a deep image's would not fit into mount(2)'s page."""
    root = os.open(view, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        linux.own_working_folder(root)
    finally:
        os.close(root)
    flags, data = 0, []
    for name, value in options.items():
        if name in _FLAGS:
            flags |= _FLAGS[name]
        elif name == "lowerdir":
            data.append("lowerdir=" + ":".join(os.path.relpath(lower, folder) for lower in value.split(":")))
        elif name in _LAYERS:
            data.append(f"{name}={os.path.relpath(value, folder)}")
        elif name != "rw":
            data.append(f"{name}={value}" if value else name)
    with linux.acting_as(*held.ids.root):
        kernel.mount("overlay", place, "overlay", flags, ",".join(data))


def _in_thread(work: Callable[[], None]) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # carried to the caller's thread
            failures.append(error)

    thread = threading.Thread(target=run, name="mapped mount")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
