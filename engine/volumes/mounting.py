"""Volumes of the `local` driver that are mounts themselves (`-o type=… -o device=… -o o=…`): mounted while
somebody uses them.
"""

import os
import re
import socket
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from engine import kernel
from proto.errdefs import Internal, InvalidArgument

_KEYS = frozenset({"type", "o", "device"})
_NFS, _CIFS = ("nfs", "nfs4"), ("cifs", "smb3")
_PASSWORD = re.compile(r"(?<![^,])password=[^,]*")
# mount(8)'s words that are flags of mount(2), as dockerd reads them; the second of a pair undoes the first.
_FLAGS = {
    "ro": kernel.MS_RDONLY,
    "nosuid": kernel.MS_NOSUID,
    "nodev": kernel.MS_NODEV,
    "noexec": kernel.MS_NOEXEC,
    "bind": kernel.MS_BIND,
    "rbind": kernel.MS_BIND | kernel.MS_REC,
    "sync": 1 << 4,
    "mand": 1 << 6,
    "dirsync": 1 << 7,
    "noatime": 1 << 10,
    "nodiratime": 1 << 11,
    "relatime": 1 << 21,
    "strictatime": 1 << 24,
}
_UNDOING = {
    "rw": "ro",
    "suid": "nosuid",
    "dev": "nodev",
    "exec": "noexec",
    "async": "sync",
    "nomand": "mand",
    "atime": "noatime",
    "diratime": "nodiratime",
    "norelatime": "relatime",
    "nostrictatime": "strictatime",
}


def check(name: str, options: Mapping[str, str]) -> None:
    """Refuse options that cannot work, when the volume is made."""
    for key in options:
        if key not in _KEYS:
            raise InvalidArgument(f'create {name}: invalid option: "{key}"')
    if not options:
        return
    if not options.get("device"):
        raise InvalidArgument(f"create {name}: missing device in volume options")
    if not options.get("type"):
        raise InvalidArgument(f"create {name}: missing type in volume options")


def plan(options: Mapping[str, str]) -> tuple[int, str]:
    """`o` → mount(2)'s flags and data. Pure."""
    flags, data = 0, []
    for word in filter(None, options.get("o", "").split(",")):
        if word in _FLAGS:
            flags |= _FLAGS[word]
        elif word in _UNDOING:
            flags &= ~_FLAGS[_UNDOING[word]]
        elif word != "defaults":
            data.append(word)
    return flags, ",".join(data)


def located(options: Mapping[str, str], resolve: Callable[[str], str]) -> dict[str, str]:
    """The same with addresses for names: mount(2) reaches the kernel, which asks no resolver (mount.nfs does)."""
    done = dict(options)
    words = options.get("o", "").split(",")
    if options["type"] in _NFS:
        done["o"] = ",".join(
            f"addr={resolve(word.removeprefix('addr='))}" if word.startswith("addr=") else word for word in words
        )
    elif options["type"] in _CIFS:
        share = urlsplit(options["device"])
        if share.hostname and not any(word.startswith("addr=") for word in words):
            done["o"] = ",".join([*filter(None, words), f"addr={resolve(share.hostname)}"])
    return done


def resolved(host: str) -> str:
    """The first address of a host."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise Internal(f"error resolving passed in network volume address: lookup {host}: {error.strerror}") from error


def mount(name: str, options: Mapping[str, str], target: str) -> None:
    """Mount the volume at its place, unless it is."""
    if not options or is_mounted(target):
        return
    options = located(options, resolved)
    flags, data = plan(options)
    kind = "" if flags & kernel.MS_BIND else options["type"]
    try:
        kernel.mount(options["device"], target, kind, flags, data)
        if flags & kernel.MS_BIND and flags & kernel.MS_RDONLY:
            kernel.mount("", target, "", flags | kernel.MS_REMOUNT)
    except OSError as error:
        raise Internal(
            f"failed to mount local volume: mount {options['device']}:{target}, flags: {flags:#x}, "
            f"data: {_PASSWORD.sub('password=********', data)}: "
            f"{(error.strerror or '').lower()}"
        ) from error


def unmount(target: str) -> None:
    """Let go of it, however often it was mounted: whoever deletes the folder next must find its own files only."""
    while is_mounted(target):
        kernel.umount(target)


def unmount_below(folder: str) -> None:
    """Whatever is mounted in a folder or on it, the innermost first."""
    real = os.path.realpath(folder)
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = [line.split(" ", 5)[4] for line in file]
    for point in reversed([point for point in points if point == real or point.startswith(f"{real}/")]):
        kernel.umount(point)


def is_mounted(target: str) -> bool:
    """By the kernel's own list: os.path.ismount does not see a bind mount within one file system."""
    real = os.path.realpath(target)
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return any(line.split(" ", 5)[4] == real for line in file)
