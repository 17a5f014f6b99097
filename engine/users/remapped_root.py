"""`userns-remap`: the user whose subordinate ids the containers get, in dockerd's grammar and words.

`default` is the user dockremap, which is made with the host's own tools where it is missing.
"""

import grp
import logging
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence

from engine.users import subids
from engine.users.idmap import Extent, IdMap
from engine.users.subids import Range
from proto.errdefs import FailedPrecondition, InvalidArgument

logger = logging.getLogger(__name__)

_DEFAULT, _DEFAULT_USER = "default", "dockremap"
_START, _SIZE = 100_000, 65_536


def resolve(given: str) -> IdMap | None:
    """The mapping of all containers; None where there is to be none."""
    if not given:
        return None
    name = _user(given)
    if name == "root":
        logger.warning("User namespaces: root cannot be remapped with itself; user namespaces are OFF")
        return None
    logger.info("User namespaces: ID ranges will be mapped to subuid/subgid ranges of: %s", name)
    uid = pwd.getpwnam(name).pw_uid
    try:
        uids, gids = (subids.owned(subids.read(path), name, uid) for path in (subids.SUBUID, subids.SUBGID))
    except InvalidArgument as fault:
        raise InvalidArgument(f"error creating ID mappings: {fault}") from None
    return IdMap(one_after_another(uids), one_after_another(gids))


def require_way(folder: str, ids: IdMap) -> None:
    """Refuse a folder that the containers' root cannot reach: its file system is mounted below."""
    uid, gid = ids.root
    path = folder
    while path != "/":
        found = os.stat(path)
        bits = stat.S_IXUSR if found.st_uid == uid else stat.S_IXGRP if found.st_gid == gid else stat.S_IXOTH
        if not found.st_mode & bits:
            raise FailedPrecondition(
                f"a subdirectory in the path {folder} ({path}) restricts access to the remapped root uid/gid; please "
                "fix by allowing 'o+x' permissions on existing directories"
            )
        path = os.path.dirname(path)


def close_to_others(folder: str) -> None:
    """A container's setuid files are on disk those of the host's root: no user of the host may get to them."""
    mode = stat.S_IMODE(os.stat(folder).st_mode)
    if mode & stat.S_IRWXO:
        logger.info("%s is closed to other users, as files of containers are in it", folder)
        os.chmod(folder, mode & ~stat.S_IRWXO)


def one_after_another(ranges: Sequence[Range]) -> tuple[Extent, ...]:
    """Ids from 0 on, over all the ranges in their order."""
    done, inside = [], 0
    for one in ranges:
        done.append(Extent(inside, one.start, one.size))
        inside += one.size
    return tuple(done)


def _user(given: str) -> str:
    """The user's name; its group is checked, as dockerd does, and then not needed: ranges are found by the user."""
    user, colon, group = given.partition(":")
    if ":" in group:
        raise InvalidArgument(f'Invalid user/group specification in --userns-remap: "{given}"')
    if _is_number(user):
        name = _by_uid(int(user))
        if not colon:
            _check_gid(int(user), "/etc/group")
    else:
        name = _by_name(user)
        if not colon:
            _check_group(name, "gid")
    if colon and _is_number(group):
        _check_gid(int(group), "/etc/passwd")  # dockerd's words
    elif colon:
        _check_group(group, "groupname")
    return name


def _is_number(text: str) -> bool:
    return text.lstrip("+-").isdecimal() and -(1 << 31) <= int(text) < 1 << 31


def _by_uid(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        raise InvalidArgument(f"Uid {uid} has no entry in /etc/passwd: {_unknown(uid, 'passwd')}") from None


def _by_name(user: str) -> str:
    name = _DEFAULT_USER if user == _DEFAULT else user
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        if user != _DEFAULT:
            raise InvalidArgument(f'Error during uid lookup for "{name}": {_unknown(name, "passwd")}') from None
    try:
        _make_user(name)
    except (OSError, subprocess.SubprocessError, FailedPrecondition) as error:
        raise FailedPrecondition(f'Error during "{name}" user creation: {error}') from error
    return name


def _check_gid(gid: int, file: str) -> None:
    try:
        grp.getgrgid(gid)
    except (KeyError, OverflowError):
        raise InvalidArgument(f"Gid {gid} has no entry in {file}: {_unknown(gid, 'group')}") from None


def _check_group(name: str, what: str) -> None:
    try:
        grp.getgrnam(name)
    except KeyError:
        raise InvalidArgument(f'Error during {what} lookup for "{name}": {_unknown(name, "group")}') from None


def _unknown(entry: str | int, database: str) -> str:
    return f'getent unable to find entry "{entry}" in {database} database'


def _make_user(name: str) -> None:
    """A system user and group, and ranges of ids, which system users do not get by themselves."""
    if shutil.which("adduser"):
        words = "--system --shell /bin/false --no-create-home --disabled-login --disabled-password --group"
        _run("adduser", *words.split(), name)
    elif shutil.which("useradd"):
        _run("useradd", "-r", "-s", "/bin/false", name)
    else:
        raise FailedPrecondition("cannot add user; no useradd/adduser binary found")
    for path, flag in ((subids.SUBUID, "-v"), (subids.SUBGID, "-w")):
        ranges = subids.read(path)
        if not any(one.owner == name for one in ranges):
            start = next_start(ranges)
            _run("usermod", flag, f"{start}-{start + _SIZE - 1}", name)


def next_start(ranges: Sequence[Range], start: int = _START) -> int:
    """The first id from which on nobody has any of the next 65,536."""
    for one in sorted(ranges, key=lambda one: one.start):
        if one.start < start + _SIZE and start < one.end:
            start = one.end
    return start


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FailedPrecondition(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
