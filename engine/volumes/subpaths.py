"""A folder or file inside of a volume, bound by itself (VolumeOptions.Subpath).

Whoever writes into the volume chooses what its paths mean, at any moment: the place is found by openat2(2) inside of
the volume and bound from that very fd, under a path that containers cannot reach.
"""

import os
import stat

from engine import kernel
from engine.users import views
from proto.errdefs import InvalidArgument, NotFound


def check(subpath: str) -> str:
    """As it stands in a request; the refusal is dockerd's."""
    clean = os.path.normpath(subpath)
    if os.path.isabs(subpath) or clean == ".." or clean.startswith("../"):
        raise InvalidArgument("subpath must be a relative path within the volume")
    return clean


def bind(volume: str, subpath: str, place: str, userns: int | None = None) -> None:
    """Bind it at `place`, which is made, with the owners that a user namespace sees; what an earlier life left there is
    taken away.
    """
    release(place)
    root = os.open(volume, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = kernel.openat2(root, subpath, os.O_PATH)
    except OSError as error:
        raise NotFound(f"cannot access path {volume}/{subpath}: {(error.strerror or '').lower()}") from error
    finally:
        os.close(root)
    _bind(found, place, userns)


def bind_whole(source: str, place: str, userns: int) -> None:
    """The same for all of a folder or a file, whose path is nobody's but the client's or the engine's own."""
    release(place)
    try:
        found = os.open(source, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise NotFound(f"cannot access path {source}: {(error.strerror or '').lower()}") from error
    _bind(found, place, userns)


def _bind(found: int, place: str, userns: int | None) -> None:
    """Takes the fd."""
    try:
        os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
        if stat.S_ISDIR(os.fstat(found).st_mode):
            os.mkdir(place, 0o700)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        if userns is None:
            kernel.mount(f"/proc/self/fd/{found}", place, "", kernel.MS_BIND | kernel.MS_REC)
        else:
            views.bind(f"/proc/self/fd/{found}", place, userns)
    finally:
        os.close(found)


def release(place: str) -> None:
    """Unbind, then take the place itself away: never what was bound there."""
    if not os.path.lexists(place):
        return
    while _is_bound(place):
        kernel.umount(place)
    if os.path.isdir(place):
        os.rmdir(place)
    else:
        os.unlink(place)


def _is_bound(place: str) -> bool:
    real = os.path.realpath(os.path.dirname(place)) + "/" + os.path.basename(place)
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return any(line.split(" ", 5)[4] == real for line in file)
