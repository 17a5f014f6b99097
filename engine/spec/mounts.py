"""The spec's mounts: the system's, the engine's own files, then volumes, binds and tmpfs in an order that nests."""

from collections.abc import Iterable, Sequence
from typing import Any

from engine.containers.model import Mount
from proto.errdefs import InvalidArgument

Json = dict[str, Any]


def _system(destination: str, kind: str, source: str, *options: str) -> Json:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def system_mounts(shm_size: int) -> list[Json]:
    """What every container has."""
    closed = ("nosuid", "noexec", "nodev")
    return [
        _system("/proc", "proc", "proc", *closed),
        _system("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _system(
            "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"
        ),
        _system("/sys", "sysfs", "sysfs", *closed, "ro"),
        _system("/sys/fs/cgroup", "cgroup", "cgroup", "ro", *closed),
        _system("/dev/mqueue", "mqueue", "mqueue", *closed),
        _system("/dev/shm", "tmpfs", "shm", *closed, "mode=1777", f"size={shm_size}"),
    ]


def bind(source: str, destination: str, *, writable: bool = True, propagation: str = "rprivate") -> Json:
    """A recursive bind mount."""
    options = ["rbind", *(() if writable else ("ro",)), propagation or "rprivate"]
    return {"destination": destination, "type": "bind", "source": source, "options": options}


READ_ONLY_AT_ITS_TOP = "ro-nonrecursive"  # an option of ours: what is mounted below stays as it is
_OURS = ("nocopy", "rro", "nonrecursive", READ_ONLY_AT_ITS_TOP)


def from_mount(mount: Mount, *, recursive: bool = False) -> Json:
    """A volume, bind or tmpfs of the container; `recursive`: the kernel and the runtime can make a tree read-only."""
    if mount.kind == "tmpfs":
        return {"destination": mount.destination, "type": "tmpfs", "source": "tmpfs", "options": mount.options}
    options = ["bind" if "nonrecursive" in mount.options else "rbind"]
    if not mount.writable:
        options.append("rro" if recursive and READ_ONLY_AT_ITS_TOP not in mount.options else "ro")
    options.append(mount.propagation or "rprivate")
    options += [option for option in mount.options if option not in (*options, *_OURS)]
    return {
        "destination": mount.destination,
        "type": "bind",
        "source": mount.bound or mount.source,
        "options": options,
    }


def arrange(
    system: Sequence[Json],
    own: Iterable[Json],
    host_config: Json,
    *,
    shm: str | None,
    writable_cgroups: bool | None = None,
) -> list[Json]:
    """All mounts: a user's mount replaces the system's at the same place, parents come before children.

    `shm` is a folder to bind at /dev/shm (shareable or joined IPC), "" for none, None for the system's tmpfs;
    `writable_cgroups` None: those of privileged containers are.
    """
    own = list(own)
    taken = {entry["destination"] for entry in own}
    if shm and "/dev/shm" not in taken:
        own.append(bind(shm, "/dev/shm"))
    if shm is not None:
        taken.add("/dev/shm")
    if "/dev" in taken:
        system = [entry for entry in system if not entry["destination"].startswith("/dev/")]
    kept = [entry for entry in system if entry["destination"] not in taken]
    loose = {"/sys": host_config["Privileged"], _CGROUPS: writable_cgroups}
    if writable_cgroups is None:
        loose[_CGROUPS] = host_config["Privileged"]
    for entry in kept:
        _loosen_or_tighten(entry, host_config, loose=bool(loose.get(entry["destination"])))
    # Python's sort is stable: mounts of one depth stay as they came.
    return kept + sorted(own, key=lambda entry: entry["destination"].rstrip("/").count("/"))


_CGROUPS = "/sys/fs/cgroup"
_ALWAYS_WRITABLE = ("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")


def _loosen_or_tighten(entry: Json, host_config: Json, *, loose: bool) -> None:
    if loose:
        entry["options"] = ["rw" if option == "ro" else option for option in entry["options"]]
    elif (
        host_config["ReadonlyRootfs"] and entry["destination"] not in _ALWAYS_WRITABLE and "ro" not in entry["options"]
    ):
        entry["options"].append("ro")


_TMPFS_FLAGS = frozenset(
    [
        "defaults",
        "async",
        "atime",
        "bind",
        "dev",
        "diratime",
        "dirsync",
        "exec",
        "iversion",
        "loud",
        "mand",
        "noatime",
        "nodev",
        "nodiratime",
        "noexec",
        "noiversion",
        "nomand",
        "norelatime",
        "nostrictatime",
        "nosuid",
        "rbind",
        "relatime",
        "remount",
        "ro",
        "rw",
        "silent",
        "strictatime",
        "suid",
        "sync",
        "rprivate",
        "private",
        "rshared",
        "shared",
        "rslave",
        "slave",
        "runbindable",
        "unbindable",
    ]
)
_TMPFS_VALUES = frozenset({"mode", "uid", "gid", "size", "nr_inodes", "nr_blocks", "mpol"})


def tmpfs_options(text: str) -> list[str]:
    """`--tmpfs /run:rw,size=64m` → options on top of Docker's noexec,nosuid,nodev."""
    asked = [option for option in text.split(",") if option]
    for option in asked:
        name, equals, _ = option.partition("=")
        if not ((equals and name in _TMPFS_VALUES) or (not equals and option in _TMPFS_FLAGS)):
            raise InvalidArgument(f'Invalid tmpfs option "{option}"')
    undone = {"exec": "noexec", "suid": "nosuid", "dev": "nodev"}
    opposite = {undone[option] for option in asked if option in undone}
    base = [option for option in ("noexec", "nosuid", "nodev") if option not in opposite and option not in asked]
    return base + asked
