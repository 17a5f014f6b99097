"""/etc/subuid and /etc/subgid, subuid(5): which ids the host lets whom hand out to containers."""

from collections.abc import Iterable
from dataclasses import dataclass

from proto.errdefs import InvalidArgument

SUBUID, SUBGID = "/etc/subuid", "/etc/subgid"


@dataclass(frozen=True, slots=True)
class Range:
    """One line."""

    owner: str  # a name or a number, as it stands there
    start: int
    size: int

    @property
    def end(self) -> int:
        """The first id behind it."""
        return self.start + self.size


def read(path: str) -> list[Range]:
    """Every line of a file; one that is not there has none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return parse(file)
    except FileNotFoundError:
        return []


def parse(lines: Iterable[str]) -> list[Range]:
    """`name:start:size`; lines that are none are nobody's."""
    found = []
    for line in lines:
        parts = line.strip().split(":")
        if (
            len(parts) == 3
            and not line.startswith("#")
            and parts[1].isdecimal()
            and parts[2].isdecimal()
            and int(parts[2])
        ):
            found.append(Range(parts[0], int(parts[1]), int(parts[2])))
    return found


def owned(ranges: Iterable[Range], name: str, uid: int) -> list[Range]:
    """Those of a user; InvalidArgument where there are none, in dockerd's words."""
    found = [one for one in ranges if one.owner in (name, str(uid))]
    if not found:
        raise InvalidArgument(f'no subuid ranges found for user "{name}"')
    return found
