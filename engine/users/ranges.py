"""`UsernsMode` `auto`: a range of ids for each container alone, out of those that the host gives to the user
`containers` (podman's convention).

Which ranges are taken, the containers' rows say; here is only what is about to be in a row.
"""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence

from engine.users import subids
from engine.users.idmap import Extent, IdMap
from engine.users.subids import Range
from proto.errdefs import FailedPrecondition, InvalidArgument, ResourceExhausted

OWNER = "containers"
SIZE = 65_536
_SIZES = (1024, 1 << 31)
_AUTO = re.compile(r"auto(?::size=([0-9]{1,10}))?")


def parse_auto(mode: str) -> int | None:
    """The size that `auto` or `auto:size=N` asks for; None where something else is meant."""
    found = _AUTO.fullmatch(mode)
    if found is None:
        return None
    size = int(found[1] or SIZE)
    if not _SIZES[0] <= size <= _SIZES[1]:
        raise InvalidArgument(f"invalid userns mode: {mode}: the size is from {_SIZES[0]} to {_SIZES[1]}")
    return size


class Ranges:
    """Hands them out."""

    def __init__(self, subuid: str = subids.SUBUID, subgid: str = subids.SUBGID) -> None:
        self._files = (subuid, subgid)
        self._coming: dict[str, IdMap] = {}

    def take(self, container_id: str, size: int, taken: Iterable[IdMap]) -> IdMap:
        """A range that no container has, within `taking`."""
        maps = [*taken, *self._coming.values()]
        uids = self._free(self._files[0], size, [one for each in maps for one in each.uids])
        gids = self._free(self._files[1], size, [one for each in maps for one in each.gids])
        self._coming[container_id] = ids = IdMap((Extent(0, uids, size),), (Extent(0, gids, size),))
        return ids

    @contextlib.contextmanager
    def taking(self, container_id: str) -> Iterator[None]:
        """What is taken within the block is in the container's row behind it, or free again."""
        try:
            yield
        finally:
            self._coming.pop(container_id, None)

    def _free(self, path: str, size: int, taken: Sequence[Extent]) -> int:
        allowed = [one for one in subids.read(path) if one.owner == OWNER]
        if not allowed:
            raise FailedPrecondition(
                f'userns mode auto needs ids for the user "{OWNER}" in {path} (such as {OWNER}:2147483648:2147418112)'
            )
        start = first_gap(allowed, size, taken)
        if start is None:
            raise ResourceExhausted(f"no {size} ids in a row of those of {OWNER} in {path} are free")
        return start


def first_gap(allowed: Iterable[Range], size: int, taken: Iterable[Extent]) -> int | None:
    """The first run of ids within a range that nobody has."""
    used = sorted((one.outside, one.outside + one.size) for one in taken)
    for one in allowed:
        start = one.start
        for begin, end in used:
            if start + size <= begin:
                break
            start = max(start, end)
        if start + size <= one.end:
            return start
    return None
