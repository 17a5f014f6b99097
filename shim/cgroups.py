"""Where a process's cgroups are: /proc/PID/cgroup matched with what is mounted. The texts are parsed without I/O."""

import os

_CRIUS = "/.criu.cgyard."  # where criu mounts hierarchies of its own for as long as it works


class Hierarchies:
    """The cgroup mounts: a folder and its root per v1 controller, and the unified one."""

    __slots__ = ("unified", "v1")

    def __init__(self, v1: dict[str, tuple[str, str]], unified: tuple[str, str] | None) -> None:
        self.v1 = v1
        self.unified = unified

    @property
    def is_v2(self) -> bool:
        """Whether the unified hierarchy is the only one (a hybrid host counts as v1)."""
        return self.unified is not None and not self.v1


def parse_mounts(mountinfo: str) -> Hierarchies:
    """Hierarchies of a mountinfo(5) text."""
    v1: dict[str, tuple[str, str]] = {}
    unified: tuple[str, str] | None = None
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) < 5 or kind[0] not in ("cgroup", "cgroup2") or _CRIUS in fields[4]:
            continue
        place = (fields[4], fields[3])
        if kind[0] == "cgroup2":
            unified = unified or place
            continue
        for option in kind[2].split(","):
            if option not in ("rw", "ro") and not option.startswith(
                ("xattr", "release_agent", "clone_children", "noprefix")
            ):
                v1.setdefault(option, place)
    return Hierarchies({name: place for name, place in v1.items() if not name.startswith("name=")}, unified)


def parse_membership(text: str) -> dict[str, str]:
    """Controller → path of a /proc/PID/cgroup text; the unified hierarchy's key is empty."""
    membership = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            membership[controller] = path
    return membership


def folder(place: tuple[str, str], path: str) -> str:
    """A cgroup's folder, when its hierarchy is mounted with `place` = (mount point, root)."""
    point, root = place
    if root != "/" and (path == root or path.startswith(root + "/")):
        path = path[len(root) :]
    return os.path.normpath(point + "/" + path)


def folders(hierarchies: Hierarchies, membership_text: str) -> dict[str, str]:
    """Controller → folder for a process; under pure v2 the one key is empty."""
    membership = parse_membership(membership_text)
    if hierarchies.is_v2:
        assert hierarchies.unified is not None
        return {"": folder(hierarchies.unified, membership[""])} if "" in membership else {}
    return {name: folder(place, membership[name]) for name, place in hierarchies.v1.items() if name in membership}


_known: Hierarchies | None = None


def mounted() -> Hierarchies:
    """This host's hierarchies; read once, before a zygote forks."""
    global _known  # noqa: PLW0603 - one host, one answer
    if _known is None:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            _known = parse_mounts(file.read())
    return _known
