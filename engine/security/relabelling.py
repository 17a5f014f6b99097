"""`:z` and `:Z`: a bind's or a volume's files get the container's label, all the way down, links themselves.

Whoever can write to the tree may move and link in it meanwhile: the walk goes by fds, and follows nothing.
"""

import contextlib
import errno
import os

from engine.descent import Descent
from engine.security.labels import shared
from proto.errdefs import InvalidArgument

_ATTRIBUTE = "security.selinux"
_OF_THE_HOST = """
    / /bin /boot /dev /etc /etc/passwd /etc/pki /etc/shadow /home /lib /lib64 /media /opt /proc /root /run /sbin /srv
    /sys /tmp /usr /var /var/lib /var/log
"""
_EXCLUDED = frozenset(_OF_THE_HOST.split())  # without its own labels the host would be lost
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE)


def wanted(mode: str) -> str:
    """What a mount's mode asks for: "z", "Z" or ""."""
    return next((word for word in mode.split(",") if word in ("z", "Z")), "")


def relabel(path: str, label: str, *, for_all: bool) -> None:
    """Set a container's mount label, or for a tree that is for all the one that every container may use."""
    path = os.path.realpath(path)
    if path in _EXCLUDED:
        raise InvalidArgument(
            f"error setting label on mount source '{path}': SELinux relabeling of {path} is not allowed"
        )
    value = (shared(label) if for_all else label).encode()
    try:
        fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _tree(fd, value)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:  # a file system without labels has the one it was mounted with
            raise InvalidArgument(
                f"error setting label on mount source '{path}': {(error.strerror or '').lower()}"
            ) from error


def _tree(fd: int, value: bytes) -> None:
    own = f"/proc/self/fd/{fd}"
    done = _get(own, follow=True) == value  # then so are, most likely, those below: they are only looked at
    if os.path.isdir(own):
        with Descent(fd) as place:
            _below(place, value, looking=done)
    if not done:
        os.setxattr(own, _ATTRIBUTE, value)  # last: a walk that was cut short is done again


def _below(place: Descent, value: bytes, *, looking: bool) -> None:
    waiting = [os.listdir(place.fd)]
    while waiting:
        if not waiting[-1]:
            waiting.pop()
            if waiting:
                place.leave()
            continue
        name = waiting[-1].pop()
        path = f"/proc/self/fd/{place.fd}/{name}"
        try:
            if not looking or _get(path) != value:
                os.setxattr(path, _ATTRIBUTE, value, follow_symlinks=False)
            place.enter(name)
        except OSError as error:
            if error.errno not in _GONE:
                raise
        else:
            waiting.append(os.listdir(place.fd))


def _get(path: str, *, follow: bool = False) -> bytes:
    with contextlib.suppress(OSError):  # it has none
        return os.getxattr(path, _ATTRIBUTE, follow_symlinks=follow).rstrip(b"\0")
    return b""
