"""Who the container's process will be: user, groups, capabilities, limits; planned before the fork, applied after it.

The plan is pure: names become bits and numbers where an error can still be told cheaply. Users are numbers here; names
are resolved by whoever wrote the configuration, never by this program inside an image.
"""

import errno
import os
import resource

from lowrt.errors import Fault, InvalidArgument, cwd_failed, cwd_outside_root, reason_of
from lowrt.linux import caps, prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Json = dict[str, Any]

    Warn = Callable[[str], None]

_LARGEST_ID = (1 << 31) - 1  # larger ones wrap to negative in much that reads them, CVE-2024-40635

# process.capabilities, in the order of capget(2)'s and then prctl(2)'s sets
CAPABILITY_SETS = ("effective", "permitted", "inheritable", "bounding", "ambient")

# fmt: off
_RLIMIT_NAMES = (
    "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING",
    "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
)
# fmt: on
_RLIMITS = {f"RLIMIT_{name}": number for number, name in enumerate(_RLIMIT_NAMES)}


class Identity:
    """One process's credentials and limits, checked."""

    __slots__ = ("capabilities", "cwd", "gid", "groups", "no_new_privileges", "rlimits", "uid", "umask", "unknown")

    def __init__(self, document: "Json") -> None:
        user = document.get("user") or {}
        self.uid = _checked_id(user.get("uid") or 0)
        self.gid = _checked_id(user.get("gid") or 0)
        self.groups = [_checked_id(gid) for gid in user.get("additionalGids") or ()]
        self.umask: int | None = user.get("umask")
        self.cwd: str = document.get("cwd") or "/"
        self.no_new_privileges = bool(document.get("noNewPrivileges"))
        self.rlimits = [_rlimit(entry) for entry in document.get("rlimits") or ()]
        self.unknown: list[str] = []
        # Without a capabilities object a process keeps none, as under runc.
        self.capabilities = {name: self._mask(document, name) for name in CAPABILITY_SETS}

    def _mask(self, document: "Json", name: str) -> int:
        bits, unknown = caps.mask((document.get("capabilities") or {}).get(name) or ())
        self.unknown += [word for word in unknown if word not in self.unknown]
        return bits


def _checked_id(number: int) -> int:
    if not 0 <= number <= _LARGEST_ID:
        raise InvalidArgument(f"unable to setup user: uids and gids must be in range 0-{_LARGEST_ID}")
    return number


def _rlimit(entry: "Json") -> tuple[int, int, int]:
    kind = entry.get("type") or ""
    if kind not in _RLIMITS:
        raise InvalidArgument(f'wrong rlimit value: "{kind}"')
    return _RLIMITS[kind], int(entry.get("soft") or 0), int(entry.get("hard") or 0)


def setgroups_allowed(pid: int) -> bool:
    """user_namespaces(7): in a namespace that was mapped without privilege, groups cannot be set at all."""
    try:
        with open(f"/proc/{pid}/setgroups", "rb") as file:
            return file.read().strip() != b"deny"
    except FileNotFoundError:  # a kernel without user namespaces
        return True


def check_groups(identity: Identity, *, allowed: bool) -> None:
    """root's containers go without groups where those cannot be set, as under runc; a user is told."""
    if identity.groups and not allowed and os.geteuid() != 0:
        raise InvalidArgument(
            "unable to start container process: cannot set any additional groups in a rootless container"
        )


def set_rlimits(pid: int, rlimits: list[tuple[int, int, int]]) -> None:
    """Limit another process from outside: inside a user namespace it may no longer raise its own limits."""
    for kind, soft, hard in rlimits:
        try:
            resource.prlimit(pid, kind, (_signed(soft), _signed(hard)))
        except (OSError, ValueError) as error:
            # Python words EINVAL and a forbidden raise as ValueError
            reason = reason_of(error) if isinstance(error, OSError) else "invalid argument"
            raise Fault(
                f"error setting rlimits for ready process: error setting rlimit type {kind}: {reason}"
            ) from error


def _signed(limit: int) -> int:
    """RLIM_INFINITY and its neighbours as rlim_t's signed twin, which is what Python takes."""
    return limit - (1 << 64) if limit >= 1 << 63 else limit


def become(identity: Identity, *, groups_allowed: bool, warn: "Warn") -> None:
    """Turn this process into that identity, as the last thing before seccomp and execve."""
    entered = _try_chdir(identity.cwd)
    effective, permitted, inheritable, bounding, ambient = affordable(identity, warn)
    caps.limit_bounding_set(bounding)
    prctl.set_keep_caps(True)
    _set_user(identity, groups_allowed=groups_allowed)
    if not entered and not _try_chdir(identity.cwd):
        raise cwd_failed(identity.cwd, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    verify_cwd()
    prctl.set_keep_caps(False)
    caps.capset(effective, permitted, inheritable)
    caps.clear_ambient_set()
    for number in range(len(caps.NAMES)):
        if ambient >> number & 1:
            _raise_ambient(number, warn)


def affordable(identity: Identity, warn: "Warn") -> list[int]:
    """The sets without the capabilities that we lack ourselves: those are worth a warning, not a failure."""
    _, held, _ = caps.capget()
    wanted = [identity.capabilities[name] for name in CAPABILITY_SETS]
    lacking = (wanted[0] | wanted[1] | wanted[2]) & ~held
    unknown = identity.unknown + [name for name in caps.names(lacking) if name not in identity.unknown]
    if unknown:
        warn(f"ignoring unknown or unavailable capabilities: [{' '.join(unknown)}]")
    return [bits & ~lacking for bits in wanted]


def _raise_ambient(number: int, warn: "Warn") -> None:
    try:
        caps.raise_ambient(number)
    except OSError as error:
        warn(f"can't raise ambient capability {caps.NAMES[number]}: {reason_of(error)}")


def _try_chdir(cwd: str) -> bool:
    """Enter the directory; False when the present user may not, and the next one might."""
    try:
        os.chdir(cwd)
    except PermissionError:
        return False
    except OSError as error:
        raise cwd_failed(cwd, error) from error
    return True


def verify_cwd() -> None:
    """getcwd(2) says "(unreachable)" of a directory outside our root, which libc makes ENOENT, CVE-2024-21626."""
    try:
        cwd = os.getcwd()
    except FileNotFoundError as error:
        raise cwd_outside_root() from error
    if not cwd.startswith("/"):
        raise cwd_outside_root()


def _set_user(identity: Identity, *, groups_allowed: bool) -> None:
    fix_stdio_owner(identity.uid)
    if groups_allowed:
        os.setgroups(identity.groups)
    for call, number, kind in ((os.setgid, identity.gid, "gid"), (os.setuid, identity.uid, "uid")):
        try:
            call(number)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise Fault(f"unable to setup user: set{kind}: {reason_of(error)}") from error
            words = f"cannot set{kind} to unmapped {kind} {number} in user namespace"
            raise InvalidArgument(f"unable to setup user: {words}") from error


def fix_stdio_owner(uid: int) -> None:
    """Give stdin, stdout and stderr to the user, so that it can open /dev/stdout again; /dev/null stays root's."""
    for fd in (0, 1, 2):
        try:
            status = os.fstat(fd)
            if not is_not_owned(status, uid):
                continue
            os.fchown(fd, uid, -1)
        except OSError as error:
            # EINVAL: an id that is not mapped. EPERM: somebody else's file. EROFS: read-only. EBADF: closed.
            if error.errno not in (errno.EINVAL, errno.EPERM, errno.EROFS, errno.EBADF):
                raise


def is_not_owned(status: os.stat_result, uid: int) -> bool:
    """Whether a stream is to be given to the user."""
    return status.st_uid != uid and status.st_rdev != os.makedev(1, 3)
