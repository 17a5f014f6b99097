"""A snapshot's mounts as an open folder, without a mount that anybody else could see.

Two ways, chosen by what the mounts are:

- to *write* a layer: the bind's source, or the overlay's upperdir, is opened as it is. No mount at all: whiteouts are
then made in
  overlayfs's own form, and a crash leaves nothing to unmount. (containerd writes to the upperdir in the same way.)
- to *read*, and to write onto anything else: a thread of ours unshares its mount namespace (mount_namespaces(7); it
ends with the
  thread), mounts there, opens the root and detaches it. The open fd alone keeps the mount alive, so that closing it
  is the unmount and a SIGKILL needs no cleaning.
"""

import os
import tempfile
import threading
from collections.abc import Sequence

from proto.errdefs import Fault, InvalidArgument
from supervisor.core.snapshots import Mount
from supervisor.diff import linux

_FLAGS = {
    "bind": linux.MS_BIND,
    "rbind": linux.MS_BIND | linux.MS_REC,
    "ro": linux.MS_RDONLY,
    "nosuid": linux.MS_NOSUID,
    "nodev": linux.MS_NODEV,
    "noexec": linux.MS_NOEXEC,
    "sync": linux.MS_SYNCHRONOUS,
    "dirsync": linux.MS_DIRSYNC,
    "noatime": linux.MS_NOATIME,
    "nodiratime": linux.MS_NODIRATIME,
    "relatime": linux.MS_RELATIME,
    "strictatime": linux.MS_STRICTATIME,
}
_DATA_LIMIT = 4000  # mount(2) copies one page
_MAPPINGS = ("uidmap=", "gidmap=")  # both sides of a comparison are seen as they lie on disk
_IGNORED = frozenset(("rw", "defaults", "suid", "dev", "exec", "async", "atime", "diratime"))


def overlay_folders(mounts: Sequence[Mount]) -> tuple[str, list[str]] | None:
    """The upperdir and the lowerdirs, topmost first, of a lone writable overlay; None for anything else."""
    if len(mounts) != 1 or mounts[0].type != "overlay":
        return None
    options = dict(option.partition("=")[::2] for option in mounts[0].options)
    upper = options.get("upperdir", "")
    return (upper, [lower for lower in options.get("lowerdir", "").split(":") if lower]) if upper else None


def bind_source(mounts: Sequence[Mount]) -> str | None:
    """The folder behind a lone bind mount; None for anything else."""
    if len(mounts) != 1 or mounts[0].target:
        return None
    options = mounts[0].options
    return mounts[0].source if mounts[0].type == "bind" or "bind" in options or "rbind" in options else None


def as_upper(mounts: Sequence[Mount]) -> list[Mount]:
    """A bind mount of a layer's folder as the overlay that it will be a part of: whiteouts take overlayfs's form."""
    source = bind_source(mounts)
    return list(mounts) if source is None else [Mount("overlay", "overlay", (f"upperdir={source}",))]


def lower_folders(view: Sequence[Mount]) -> list[str]:
    """The layers that a view shows, topmost first."""
    source = bind_source(view)
    if source is not None:
        return [source]
    options = dict(option.partition("=")[::2] for one in view for option in one.options)
    return [lower for lower in options.get("lowerdir", "").split(":") if lower]


def is_read_only(mounts: Sequence[Mount]) -> bool:
    """Whether the topmost mount says `ro`, or is an overlay without an upperdir."""
    return bool(mounts) and ("ro" in mounts[-1].options)


def open_folder(path: str) -> int:
    """Open a folder for use as a dirfd."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def open_root(mounts: Sequence[Mount], *, read_only: bool = False) -> int:
    """The mounts' root as an open folder; the caller closes it, and that unmounts. No mounts at all are an empty
    folder."""
    source = bind_source(mounts)
    if source is not None and (read_only or not is_read_only(mounts)):
        return open_folder(source)
    result: list[int | BaseException] = []

    def run() -> None:
        try:
            result.append(_mount_in_this_thread(mounts, read_only))
        except BaseException as error:  # carried to the caller's thread
            result.append(error)

    thread = threading.Thread(target=run, name="mount")
    thread.start()
    thread.join()
    outcome = result[0]
    if isinstance(outcome, OSError):
        raise Fault(f"failed to mount {mounts[-1].type if mounts else 'nothing'}: {outcome.strerror}") from outcome
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _mount_in_this_thread(mounts: Sequence[Mount], read_only: bool) -> int:
    target = tempfile.mkdtemp(prefix="containerd-mount")
    try:
        linux.unshare(linux.CLONE_FS | linux.CLONE_NEWNS)
        linux.mount("none", "/", "", linux.MS_REC | linux.MS_PRIVATE)
        if not mounts:
            linux.mount("tmpfs", target, "tmpfs", 0, "size=4k,mode=0755")
        for one in mounts:
            _mount_one(one, os.path.join(target, one.target.lstrip("/")) if one.target else target, read_only)
        return open_folder(target)
    finally:
        try:
            linux.umount2(target, linux.MNT_DETACH)
        except OSError:
            pass  # nothing was mounted
        os.rmdir(target)


def _mount_one(one: Mount, target: str, read_only: bool) -> None:
    options = read_only_overlay(one.options) if read_only and one.type == "overlay" else one.options
    flags, data = parse_options(options)
    if one.type == "bind":
        flags |= linux.MS_BIND
    if flags & linux.MS_BIND:
        linux.mount(one.source, target, "", flags & (linux.MS_BIND | linux.MS_REC))
        flags = (flags & ~linux.MS_REC) | linux.MS_REMOUNT | (linux.MS_RDONLY if read_only else 0)
        if flags & ~(linux.MS_BIND | linux.MS_REMOUNT):
            linux.mount("none", target, "", flags)
        return
    if len(data) > _DATA_LIMIT:
        folder, data = shorten_lowers(data)
        os.chdir(folder)  # of this thread alone: unshare(CLONE_FS)
    linux.mount(one.source, target, one.type, flags | (linux.MS_RDONLY if read_only else 0), data)


def read_only_overlay(options: Sequence[str]) -> Sequence[str]:
    """The same view without an upperdir, which another overlay may be using: two on one are undefined behaviour."""
    words = dict(option.partition("=")[::2] for option in options)
    upper = words.get("upperdir")
    if not upper:
        return options
    kept = [option for option in options if not option.startswith(("upperdir=", "workdir=", "lowerdir="))]
    return [*kept, f"lowerdir={upper}:{words.get('lowerdir', '')}"]


def shorten_lowers(data: str) -> tuple[str, str]:
    """Overlay data that fits into mount(2)'s one page: a folder to be in, and the lowerdirs as seen from there."""
    words = data.split(",")
    for at, word in enumerate(words):
        if word.startswith("lowerdir="):
            lowers = word.removeprefix("lowerdir=").split(":")
            folder = os.path.commonpath(lowers)
            words[at] = "lowerdir=" + ":".join(os.path.relpath(lower, folder) for lower in lowers)
            return folder, ",".join(words)
    return "/", data


def parse_options(options: Sequence[str]) -> tuple[int, str]:
    """mount(8) words as flags and data; what the kernel does not know as a flag is data for the file system."""
    flags = 0
    data = []
    for option in options:
        if option in _FLAGS:
            flags |= _FLAGS[option]
        elif option == "loop" or option.startswith("X-containerd."):
            raise InvalidArgument(f"mount option {option!r} is not supported here: invalid argument")
        elif option not in _IGNORED and not option.startswith(_MAPPINGS):
            data.append(option)
    return flags, ",".join(data)
