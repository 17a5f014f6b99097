"""The overlayfs driver, laid out as containerd's.

    <root>/snapshots/<number>/fs      the layer: what differs from the parent
    <root>/snapshots/<number>/work    overlayfs's own, only in active snapshots

A snapshot without a parent is a bind mount of its layer, a view of one layer a read-only bind mount of that. One whose
labels map its owners says so to whoever mounts it (`uidmap=`, `gidmap=`), where the kernel can show overlayfs its lower
layers through idmapped mounts; where it cannot, clients see that the capability is missing, and change the owners.

`metacopy` and `redirect_dir` are left as the kernel has them (off, unless its module was told otherwise): a layer
must be whole without the ones below, for it is compared and shipped alone. Configured options come first and are not
overridden.
"""

import os
from collections.abc import Iterator, Mapping, Sequence

from proto.errdefs import InvalidArgument
from supervisor.core.labels import SNAPSHOT_GIDMAPPING, SNAPSHOT_UIDMAPPING, SNAPSHOT_UPPERDIR
from supervisor.core.snapshots import REBASE, Info, Kind, Mount, Usage
from supervisor.metadata.db import Database
from supervisor.snapshots.folders import SnapshotFolders, disk_usage, remove_tree
from supervisor.snapshots.lineage import Lineage, Node, explaining

NAME = "overlayfs"
REMAP_IDS = "remap-ids"  # the capability, in containerd's words


class OverlaySnapshotter:
    """A Snapshotter."""

    def __init__(
        self, root: str, db: Database, mount_options: Sequence[str] = (), *, upperdir_label: bool = False
    ) -> None:
        self._db = db
        self._upperdir_label = upperdir_label
        self._lineage = Lineage(db, NAME)
        self._folders = SnapshotFolders(root)
        self._options = (*mount_options, *_missing_options(mount_options))
        self._remaps = can_remap(os.uname().release)
        self.capabilities: tuple[str, ...] = (REMAP_IDS,) if self._remaps else ()
        if not in_user_namespace():  # where no device nodes can be made there are no whiteouts without a lower layer
            self.capabilities += (REBASE,)

    def stat(self, key: str) -> Info:
        return self._shown(self._lineage.get(key))

    def update(self, info: Info, fieldpaths: Sequence[str] = ()) -> Info:
        return self._shown(self._lineage.update(info, fieldpaths))

    def usage(self, key: str) -> Usage:
        node = self._lineage.get(key)
        if node.info.kind is Kind.VIEW:
            return Usage()
        if node.usage is not None:
            return node.usage
        usage = disk_usage(self._upper(node.id))
        if node.info.kind is Kind.COMMITTED:
            self._lineage.keep_usage(node, usage)
        return usage

    def mounts(self, key: str) -> list[Mount]:
        with explaining("failed to get active mount"):
            return self._mounts(self._lineage.get_mountable(key))

    def prepare(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> list[Mount]:
        return self._create(Kind.ACTIVE, key, parent, labels or {})

    def view(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> list[Mount]:
        return self._create(Kind.VIEW, key, parent, labels or {})

    def commit(self, name: str, key: str, labels: Mapping[str, str] | None = None, parent: str | None = None) -> None:
        with explaining(f"failed to commit snapshot {key}"):
            self._lineage.commit(name, key, labels or {}, parent)

    def remove(self, key: str) -> None:
        with explaining(f"failed to remove snapshot {key}"):
            node = self._lineage.remove(key)
        self._db.flush()  # or a loss of power could bring the row back without its folder
        self._folders.discard(node.id)

    def walk(self) -> Iterator[Info]:
        return map(self._shown, self._lineage.walk())

    def cleanup(self) -> None:
        with self._db.write():  # nobody adopts a folder meanwhile
            strays = self._folders.strays(self._lineage.numbers())
        for path in strays:
            remove_tree(path)

    def close(self) -> None:
        """Nothing is held open."""

    def _shown(self, node: Node) -> Info:
        """What others see of a snapshot; where its layer lies only when the configuration says so."""
        if self._upperdir_label:
            node.info.labels[SNAPSHOT_UPPERDIR] = self._upper(node.id)
        return node.info

    def _create(self, kind: Kind, key: str, parent: str, labels: Mapping[str, str]) -> list[Mount]:
        owner = mapped_root(labels)
        if owner is None and parent:
            inherited = os.stat(self._upper(self._lineage.get(parent).id))
            owner = (inherited.st_uid, inherited.st_gid)
        # mkdir(2) may wait for the file system's journal: not while others wait for the database.
        with self._folders.temporary() as temporary:
            _make_layer(temporary, kind, owner)
            with explaining("failed to create snapshot"), self._db.write():
                node = self._lineage.create(kind, key, parent, labels)
                self._folders.adopt(temporary, node.id)
        return self._mounts(node)

    def _mounts(self, node: Node) -> list[Mount]:
        options = _mapping_options(node.info.labels) if self._remaps else []
        if not node.ancestors:
            options += ["ro" if node.info.kind is Kind.VIEW else "rw", "rbind"]
            return [Mount("bind", self._upper(node.id), tuple(options))]
        if node.info.kind is Kind.ACTIVE:
            options += [f"workdir={self._folders.of(node.id)}/work", f"upperdir={self._upper(node.id)}"]
        elif len(node.ancestors) == 1:
            return [Mount("bind", self._upper(node.ancestors[0]), (*options, "ro", "rbind"))]
        options.append("lowerdir=" + ":".join(self._upper(number) for number in node.ancestors))
        return [Mount("overlay", "overlay", (*options, *self._options))]

    def _upper(self, number: int) -> str:
        return f"{self._folders.of(number)}/fs"


def _make_layer(folder: str, kind: Kind, owner: tuple[int, int] | None) -> None:
    upper = os.path.join(folder, "fs")
    os.mkdir(upper)
    os.chmod(upper, 0o755)  # noqa: S103 -- becomes the container's root folder, for its unprivileged users too
    if owner is not None and owner != (os.geteuid(), os.getegid()):
        os.chown(upper, *owner)
    if kind is Kind.ACTIVE:
        os.mkdir(os.path.join(folder, "work"), 0o711)


def can_remap(release: str) -> bool:
    """Whether a kernel takes idmapped mounts as an overlay's lower layers: 5.19 was the first."""
    major, _, rest = release.partition(".")
    minor = rest.partition(".")[0].partition("-")[0]
    return major.isdigit() and minor.isdigit() and (int(major), int(minor)) >= (5, 19)


def _mapping_options(labels: Mapping[str, str]) -> list[str]:
    words = (("uidmap", SNAPSHOT_UIDMAPPING), ("gidmap", SNAPSHOT_GIDMAPPING))
    return [f"{word}={labels[label]}" for word, label in words if label in labels]


def mapped_root(labels: Mapping[str, str]) -> tuple[int, int] | None:
    """The host's owner of the container's root, from the labels `containerd.io/snapshot/{uid,gid}mapping`."""
    if SNAPSHOT_UIDMAPPING not in labels and SNAPSHOT_GIDMAPPING not in labels:
        return None
    return _host_id_of_root(labels.get(SNAPSHOT_UIDMAPPING, "")), _host_id_of_root(labels.get(SNAPSHOT_GIDMAPPING, ""))


def _host_id_of_root(mapping: str) -> int:
    for entry in mapping.split(","):
        try:
            container, host, length = (int(number) for number in entry.split(":"))
        except ValueError:
            raise InvalidArgument(
                f"failed to unmarshal snapshot ID mapped labels: invalid mapping {mapping!r}: invalid argument"
            ) from None
        if container == 0 and length > 0:
            return host
    raise InvalidArgument(f"failed to find root pair: container ID 0 is not in {mapping!r}: invalid argument")


def _missing_options(given: Sequence[str]) -> list[str]:
    """What every overlay mount here needs beside the configured options."""
    words = {option.partition("=")[0] for option in given}
    needed = []
    if "userxattr" not in words and in_user_namespace():
        needed.append("userxattr")  # trusted.* attributes are the real root's only, overlay since 5.11 can use user.*
    if "index" not in words and os.path.exists("/sys/module/overlay/parameters/index"):
        needed.append("index=off")  # the same lower layers serve many mounts at once
    return needed


def in_user_namespace() -> bool:
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            return file.read().split() != ["0", "0", "4294967295"]
    except FileNotFoundError:
        return False
