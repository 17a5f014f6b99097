"""The spec's process: arguments, environment, user, rights and limits; of a container's init and of its execs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class User:
    """Numbers, already looked up in the image's files."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()

    def to_oci(self) -> Json:
        """The spec's user."""
        groups = [self.gid, *(group for group in self.groups if group != self.gid)]  # CVE-2022-36109
        return {"uid": self.uid, "gid": self.gid, "additionalGids": groups}


def environment(config_env: Iterable[str] | None, *, hostname: str, tty: bool, links: Iterable[str] = ()) -> list[str]:
    """PATH, HOSTNAME, TERM and links', then the container's own, the later value of a name winning."""
    base = [DEFAULT_PATH]
    if hostname:
        base.append(f"HOSTNAME={hostname}")
    if tty:
        base.append("TERM=xterm")
    base += links
    return merge(base, config_env or ())


def with_home(entries: list[str], home: str) -> list[str]:
    """HOME at the end unless it is there: a runtime would read the image's files once more, for the same."""
    return entries if any(entry.startswith("HOME=") for entry in entries) else [*entries, f"HOME={home}"]


def merge(base: Sequence[str], changes: Iterable[str]) -> list[str]:
    """Docker's rule: `NAME=value` replaces or adds, a bare `NAME` removes."""
    done = list(base)
    index = {entry.partition("=")[0]: at for at, entry in enumerate(done)}
    removed: set[str] = set()
    for entry in changes:
        name, equals, _ = entry.partition("=")
        if not equals:
            removed.add(name)
            continue
        removed.discard(name)
        if name in index:
            done[index[name]] = entry
        else:
            index[name] = len(done)
            done.append(entry)
    return [entry for entry in done if entry.partition("=")[0] not in removed]


def rlimits(ulimits: Sequence[Json] | None, defaults: Mapping[str, Mapping[str, Any]]) -> list[Json]:
    """The container's limits, and the daemon's for those it does not name."""
    named = {entry["Name"]: entry for entry in defaults.values()} | {entry["Name"]: entry for entry in ulimits or ()}
    return [
        {"type": f"RLIMIT_{name.upper()}", "soft": _unlimited(entry["Soft"]), "hard": _unlimited(entry["Hard"])}
        for name, entry in named.items()
    ]


def _unlimited(value: int) -> int:
    return value if value >= 0 else (1 << 64) - 1


def capability_sets(names: Sequence[str], user: User) -> Json:
    """What execve(2) would leave: root has them all, others only a bound. Inheritable stays empty (CVE-2022-24769)."""
    kinds = ("bounding", "effective", "permitted") if user.uid == 0 else ("bounding",)
    return {kind: list(names) for kind in kinds}
