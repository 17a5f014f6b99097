"""Which ids of the host a container's ids are: the extents of user_namespaces(7), and what follows from them. Pure.

On disk, files always have the ids that containers see: a mapping is a property of mounts and processes, never of
stored files. So images are shared by containers of any mapping, and a commit has nothing to translate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proto.errdefs import InvalidArgument

Json = dict[str, Any]

OVERFLOW = 65534  # what the kernel shows for an id that has no counterpart (/proc/sys/kernel/overflowuid)


@dataclass(frozen=True, slots=True)
class Extent:
    """A run of ids: `inside` the namespace, `outside` of it."""

    inside: int
    outside: int
    size: int


@dataclass(frozen=True, slots=True)
class IdMap:
    """The mapping of one user namespace."""

    uids: tuple[Extent, ...]
    gids: tuple[Extent, ...]

    @classmethod
    def from_json(cls, document: Json) -> "IdMap":
        """The inverse of to_json."""
        return cls(*(tuple(Extent(*entry) for entry in document[kind]) for kind in ("uids", "gids")))

    def to_json(self) -> Json:
        """What a container's row keeps."""
        return {
            kind: [[one.inside, one.outside, one.size] for one in extents]
            for kind, extents in (("uids", self.uids), ("gids", self.gids))
        }

    @property
    def root(self) -> tuple[int, int]:
        """The host's ids of the namespace's root."""
        return self.to_host(0, 0)

    def to_host(self, uid: int, gid: int) -> tuple[int, int]:
        """A container's ids as the host's; the refusal is dockerd's."""
        return _outside(self.uids, uid), _outside(self.gids, gid)

    def to_container(self, uid: int, gid: int) -> tuple[int, int]:
        """The host's ids as the container sees them."""
        return _inside(self.uids, uid), _inside(self.gids, gid)

    def to_oci(self) -> Json:
        """The spec's uidMappings and gidMappings."""
        return {
            f"{kind}Mappings": [{"containerID": one.inside, "hostID": one.outside, "size": one.size} for one in extents]
            for kind, extents in (("uid", self.uids), ("gid", self.gids))
        }

    def lines(self) -> tuple[str, str]:
        """The texts of /proc/<pid>/uid_map and gid_map."""
        uids, gids = (
            "".join(f"{one.inside} {one.outside} {one.size}\n" for one in extents) for extents in (self.uids, self.gids)
        )
        return uids, gids


def one_owner(disk: tuple[int, int], seen: tuple[int, int]) -> IdMap:
    """The mapping of a mount that shows the files of one user and group as those of another."""
    return IdMap((Extent(disk[0], seen[0], 1),), (Extent(disk[1], seen[1], 1),))


def _outside(extents: Sequence[Extent], number: int) -> int:
    for one in extents:
        if one.inside <= number < one.inside + one.size:
            return one.outside + number - one.inside
    raise InvalidArgument(f"Container ID {number} cannot be mapped to a host ID")


def _inside(extents: Sequence[Extent], number: int) -> int:
    for one in extents:
        if one.outside <= number < one.outside + one.size:
            return one.inside + number - one.outside
    return OVERFLOW
