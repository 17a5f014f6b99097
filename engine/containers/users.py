"""`--user` and `--group-add` → numbers, by the image's passwd and group files. Pure; never NSS, which would load
the image's code.

A number outside of 0..2³¹-1 is refused rather than wrapped around (CVE-2024-40635), and no misspelling becomes root.
"""

from collections.abc import Iterable, Sequence

from engine.spec.process import User
from proto.errdefs import InvalidArgument

_MAX_ID = (1 << 31) - 1


def _rows(text: str, columns: int) -> Iterable[list[str]]:
    for line in text.splitlines():
        parts = line.strip().split(":")
        if len(parts) >= columns and parts[0] and not line.startswith("#"):
            yield parts


def _number(text: str) -> int | None:
    if not _is_number(text):
        return None
    if len(text) > 64 or int(text) > _MAX_ID:
        raise InvalidArgument(f"uids and gids must be in range 0-{_MAX_ID}")
    return int(text)


def _is_number(text: str) -> bool:
    """Of ASCII digits alone: int() and str.isdigit() know more of them, and not the same."""
    return text.isascii() and text.isdigit()


def resolve(spec: str, extra_groups: Sequence[str], passwd: str, group: str) -> User:
    """Docker's `user[:group]`, by name or number; the user's own groups only where no group was named."""
    name, colon, group_name = spec.partition(":")
    users = list(_rows(passwd, 4))
    groups = list(_rows(group, 3))
    uid, gid, login = _user(name, users)
    supplementary: list[int] = []
    if colon and group_name:
        gid = _group(group_name, groups)
    elif login:
        supplementary = [
            int(row[2]) for row in groups if _is_number(row[2]) and len(row) > 3 and login in row[3].split(",")
        ]
    for extra in extra_groups:
        number = _group(extra, groups)
        if number not in supplementary:
            supplementary.append(number)
    return User(uid, gid, tuple(dict.fromkeys(supplementary)))


def home_of(uid: int, passwd: str) -> str:
    """The home that the image gives the uid, as runtimes read it."""
    for line in passwd.split("\n"):
        fields = line.split(":")
        if len(fields) > 5 and fields[2] == str(uid):
            return fields[5] or "/"
    return "/"


def _user(name: str, users: list[list[str]]) -> tuple[int, int, str]:
    number = _number(name) if name else 0
    for row in users:
        if not (_is_number(row[2]) and _is_number(row[3])):
            continue
        if (name and row[0] == name) or (number is not None and int(row[2]) == number):
            return int(row[2]), int(row[3]), row[0]
    if number is None:
        raise InvalidArgument(f"unable to find user {name}: no matching entries in passwd file")
    return number, 0, ""


def _group(name: str, groups: list[list[str]]) -> int:
    for row in groups:
        if row[0] == name and _is_number(row[2]):
            return int(row[2])
    number = _number(name)
    if number is None:
        raise InvalidArgument(f"Unable to find group {name}: no matching entries in group file")
    return number
