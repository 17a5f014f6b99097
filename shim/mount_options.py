"""fstab-style mount options → flags, data and what else they ask for. Pure.

The table is the one containerd's clients write for; a word that is not in it is data for the file system.
"""

import os

from proto.errdefs import InvalidArgument
from shim import linux

DATA_LIMIT = 4096 - 1  # mount(2) takes one page, with its NUL
PROPAGATION = linux.MS_SHARED | linux.MS_PRIVATE | linux.MS_SLAVE | linux.MS_UNBINDABLE

_SET = {
    "bind": linux.MS_BIND,
    "dirsync": linux.MS_DIRSYNC,
    "mand": linux.MS_MANDLOCK,
    "noatime": linux.MS_NOATIME,
    "nodev": linux.MS_NODEV,
    "nodiratime": linux.MS_NODIRATIME,
    "noexec": linux.MS_NOEXEC,
    "nosuid": linux.MS_NOSUID,
    "private": linux.MS_PRIVATE,
    "rbind": linux.MS_BIND | linux.MS_REC,
    "relatime": linux.MS_RELATIME,
    "remount": linux.MS_REMOUNT,
    "ro": linux.MS_RDONLY,
    "rprivate": linux.MS_PRIVATE | linux.MS_REC,
    "rshared": linux.MS_SHARED | linux.MS_REC,
    "rslave": linux.MS_SLAVE | linux.MS_REC,
    "shared": linux.MS_SHARED,
    "slave": linux.MS_SLAVE,
    "strictatime": linux.MS_STRICTATIME,
    "sync": linux.MS_SYNCHRONOUS,
    "unbindable": linux.MS_UNBINDABLE,
}
_CLEAR = {
    "async": linux.MS_SYNCHRONOUS,
    "atime": linux.MS_NOATIME,
    "dev": linux.MS_NODEV,
    "diratime": linux.MS_NODIRATIME,
    "exec": linux.MS_NOEXEC,
    "nomand": linux.MS_MANDLOCK,
    "norelatime": linux.MS_RELATIME,
    "nostrictatime": linux.MS_STRICTATIME,
    "rw": linux.MS_RDONLY,
    "suid": linux.MS_NOSUID,
}


class MountOptions:
    """What a mount's options mean."""

    __slots__ = ("data", "flags", "gidmap", "uidmap")

    def __init__(self, flags: int, data: list[str], uidmap: str = "", gidmap: str = "") -> None:
        self.flags = flags
        self.data = data
        self.uidmap = uidmap  # "0:100000:65536", several joined by commas
        self.gidmap = gidmap


def parse(options: list[str]) -> MountOptions:
    """MountOptions of a list; raises InvalidArgument for options that somebody else should have consumed."""
    parsed = MountOptions(0, [])
    for option in options:
        if option in _SET:
            parsed.flags |= _SET[option]
        elif option in _CLEAR:
            parsed.flags &= ~_CLEAR[option]
        elif option == "defaults":
            continue
        elif option.startswith("uidmap="):
            parsed.uidmap = option.removeprefix("uidmap=")
        elif option.startswith("gidmap="):
            parsed.gidmap = option.removeprefix("gidmap=")
        elif option == "loop":
            raise InvalidArgument('mount option "loop" is not supported: mount the image before')
        elif option.startswith("X-containerd."):
            raise InvalidArgument(f'internal mount option "{option}" was not consumed by the mount manager')
        else:
            parsed.data.append(option)
    return parsed


def lower_dirs(data: list[str]) -> list[str]:
    """An overlay's lower folders, the uppermost first."""
    for option in data:
        if option.startswith("lowerdir="):
            return option.removeprefix("lowerdir=").split(":")
    return []


def compact(data: list[str]) -> tuple[str, list[str]]:
    """(folder, data): an overlay's options with its lower folders relative to the folder, their common parent."""
    lowers = lower_dirs(data)
    parent = os.path.commonpath(lowers) if lowers else ""
    if len(lowers) < 2 or parent in ("", "/"):
        return "", data
    relative = ":".join(os.path.relpath(path, parent) for path in lowers)
    return parent, [f"lowerdir={relative}" if option.startswith("lowerdir=") else option for option in data]


def replace_lowers(data: list[str], lowers: list[str]) -> list[str]:
    """The options with other lower folders."""
    joined = ":".join(lowers)
    return [f"lowerdir={joined}" if option.startswith("lowerdir=") else option for option in data]
