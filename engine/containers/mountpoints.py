"""Binds, Mounts, Tmpfs, VolumesFrom and the image's VOLUMEs → the container's mounts. The volumes it needs are made
on the way.
"""

import os
from collections.abc import Callable
from typing import Any

from engine.containers import mapped_mounts
from engine.containers.model import Container, Mount
from engine.spec.mounts import READ_ONLY_AT_ITS_TOP, tmpfs_options
from engine.volumes import subpaths
from engine.volumes.store import Volumes
from proto.errdefs import InvalidArgument, NotFound

Json = dict[str, Any]

_PROPAGATIONS = frozenset({"private", "rprivate", "slave", "rslave", "shared", "rshared"})
_CONSISTENCY = frozenset({"consistent", "cached", "delegated"})  # of other systems: mean nothing on Linux
_KINDS = (_PROPAGATIONS, {"ro", "rw"}, {"z", "Z"}, {"nocopy"}, _CONSISTENCY)
_MODES = frozenset().union(*_KINDS)


def plan(config: Json, host_config: Json, volumes: Volumes, find: Callable[[str], Container]) -> list[Mount]:
    """In dockerd's order: volumes from others, binds, mounts, tmpfs, then what the image declares and nobody gave."""
    _require_driver(config, host_config)
    planned: dict[str, Mount] = {}
    for text in host_config["VolumesFrom"] or ():
        for mount in _volumes_from(text, find):
            planned[mount.destination] = mount
    explicit: set[str] = set()

    def add(mount: Mount) -> None:
        if mount.destination in explicit:
            raise InvalidArgument(f"Duplicate mount point: {mount.destination}")
        explicit.add(mount.destination)
        planned[mount.destination] = mount

    for text in host_config["Binds"] or ():
        add(_bind(text, volumes))
    for entry in host_config.get("Mounts") or ():
        add(_mount(entry, volumes))
    for destination, options in (host_config.get("Tmpfs") or {}).items():
        add(Mount("tmpfs", "", _destination(destination), options=tmpfs_options(options)))
    for destination in sorted(config["Volumes"] or {}):
        target = _destination(destination)
        if target not in planned:
            planned[target] = _volume(volumes, "", target)
    return list(planned.values())


def _require_driver(config: Json, host_config: Json) -> None:
    """VolumeDriver says who makes the volumes of Binds and Volumes; where there are none, it says nothing."""
    driver = host_config["VolumeDriver"]
    wanted = config["Volumes"] or any(
        not text.startswith("/") or ":" not in text for text in host_config["Binds"] or ()
    )
    if wanted and driver not in ("", "local"):
        raise NotFound(f'error looking up volume plugin {driver}: plugin "{driver}" not found')


def _destination(text: str) -> str:
    if not os.path.isabs(text):
        raise InvalidArgument(f"invalid mount path: '{text}' mount path must be absolute")
    clean = os.path.normpath(text)
    if clean == "/":
        raise InvalidArgument("invalid specification: destination can't be '/'")
    return "/" + clean.lstrip("/")


def _volume(volumes: Volumes, name: str, destination: str, **more: Any) -> Mount:
    volume = volumes.ensure(
        name, labels=more.pop("labels", None), options=more.pop("driver_options", None), pending=not name
    )
    return Mount(
        "volume", volumes.mountpoint(volume.name), destination, volume.name, "local", anonymous=not name, **more
    )


def _bind(text: str, volumes: Volumes) -> Mount:
    parts = text.split(":")
    if len(parts) > 3 or not parts[0] or (len(parts) > 1 and not parts[1]):
        raise InvalidArgument(f"invalid volume specification: '{text}'")
    if len(parts) == 1:
        return _volume(volumes, "", _destination(parts[0]))
    source, mode = parts[0], parts[2] if len(parts) == 3 else ""
    try:
        destination = _destination(parts[1])
    except InvalidArgument as fault:
        kind = "bind" if source.startswith("/") else "volume"
        raise InvalidArgument(
            f"invalid volume specification: '{text}': invalid mount config for type \"{kind}\": {fault}"
        ) from None
    words = [word for word in mode.split(",") if word]
    if not set(words) <= _MODES or any(sum(word in kind for word in words) > 1 for kind in _KINDS):
        raise InvalidArgument(f"invalid mode: {mode}")
    writable = "ro" not in words
    propagation = next((word for word in words if word in _PROPAGATIONS), "")
    if source.startswith("/"):
        source = os.path.normpath(source)
        if not os.path.exists(source):  # -v makes a missing folder, --mount refuses it: as in dockerd
            os.makedirs(source, exist_ok=True)
        return Mount("bind", source, destination, mode=mode, writable=writable, propagation=propagation or "rprivate")
    return _volume(
        volumes,
        source,
        destination,
        mode=mode or "z",
        writable=writable,
        propagation=propagation,
        options=["nocopy"] if "nocopy" in words else [],
    )


_MOUNT_KEYS = frozenset(
    {
        "Type",
        "Source",
        "Target",
        "ReadOnly",
        "Consistency",
        "BindOptions",
        "VolumeOptions",
        "TmpfsOptions",
        "ImageOptions",
    }
)


def _mount(entry: Json, volumes: Volumes) -> Mount:
    kind = entry.get("Type") or ""
    for key in entry:
        if key not in _MOUNT_KEYS:
            raise InvalidArgument(f'invalid mount config for type "{kind}": {key} is not built into this engine')
    if kind not in _OF_KIND:
        raise InvalidArgument(
            f'invalid mount config for type "{kind}": mount type unknown'
            if kind not in ("npipe", "cluster")
            else f'invalid mount config for type "{kind}": not built into this engine'
        )
    if not entry.get("Target"):
        raise InvalidArgument(f'invalid mount config for type "{kind}": field Target must not be empty')
    try:
        return _OF_KIND[kind](entry, _destination(entry["Target"]), volumes)
    except InvalidArgument as fault:
        if str(fault).startswith("invalid mount config"):
            raise
        raise InvalidArgument(f'invalid mount config for type "{kind}": {fault}') from None


def _bind_mount(entry: Json, target: str, _volumes: Volumes) -> Mount:
    options = entry.get("BindOptions") or {}
    source = entry.get("Source") or ""
    if not source:
        raise InvalidArgument("field Source must not be empty")
    if not os.path.isabs(source):
        raise InvalidArgument(f"invalid mount path: '{source}' mount path must be absolute")
    if not os.path.exists(source):
        if not options.get("CreateMountpoint"):
            raise InvalidArgument(f"bind source path does not exist: {source}")
        os.makedirs(source, exist_ok=True)
    propagation = options.get("Propagation") or "rprivate"
    if propagation not in _PROPAGATIONS:
        raise InvalidArgument(f"invalid propagation mode: {propagation}")
    more = ["nonrecursive"] if options.get("NonRecursive") else []
    if options.get("ReadOnlyNonRecursive") and options.get("ReadOnlyForceRecursive"):
        raise InvalidArgument("mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive")
    if options.get("ReadOnlyForceRecursive"):
        more.append("rro")
    if options.get("ReadOnlyNonRecursive"):
        more.append(READ_ONLY_AT_ITS_TOP)
    writable = not entry.get("ReadOnly")
    mapping = mapped_mounts.parse(options.get("IDMapping"))
    return Mount(
        "bind",
        source,
        target,
        writable=writable,
        propagation=propagation,
        options=more,
        from_spec=True,
        mapping=mapping,
    )


def _volume_mount(entry: Json, target: str, volumes: Volumes) -> Mount:
    options = entry.get("VolumeOptions") or {}
    driver = options.get("DriverConfig") or {}
    if driver.get("Name") not in (None, "", "local"):
        raise NotFound(f'error looking up volume plugin {driver["Name"]}: plugin "{driver["Name"]}" not found')
    subpath = options.get("Subpath") or ""
    if subpath and not entry.get("Source"):
        raise InvalidArgument("must not set Subpath when using anonymous volumes")
    return _volume(
        volumes,
        entry.get("Source") or "",
        target,
        mode="z",
        writable=not entry.get("ReadOnly"),
        options=["nocopy"] if options.get("NoCopy") else [],
        labels=options.get("Labels"),
        driver_options=driver.get("Options"),
        from_spec=True,
        subpath=subpaths.check(subpath) if subpath else "",
    )


def _image_mount(entry: Json, target: str, _volumes: Volumes) -> Mount:
    source, subpath = entry.get("Source") or "", (entry.get("ImageOptions") or {}).get("Subpath") or ""
    if not source:
        raise InvalidArgument("field Source must not be empty")
    return Mount(
        "image",
        source,
        target,
        writable=not entry.get("ReadOnly"),
        propagation="rprivate",
        from_spec=True,
        subpath=subpaths.check(subpath) if subpath else "",
    )


def _tmpfs_mount(entry: Json, target: str, _volumes: Volumes) -> Mount:
    if entry.get("Source"):
        raise InvalidArgument("field Source must not be specified")
    options = entry.get("TmpfsOptions") or {}
    words = ["ro"] if entry.get("ReadOnly") else []
    if options.get("SizeBytes"):
        words.append(f"size={options['SizeBytes']}")
    if options.get("Mode"):
        words.append(f"mode={options['Mode']:o}")
    words += ["=".join(pair) for pair in options.get("Options") or ()]
    return Mount(
        "tmpfs", "", target, options=tmpfs_options(",".join(words)), writable=not entry.get("ReadOnly"), from_spec=True
    )


_OF_KIND: dict[str, Callable[[Json, str, Volumes], Mount]] = {
    "bind": _bind_mount,
    "volume": _volume_mount,
    "tmpfs": _tmpfs_mount,
    "image": _image_mount,
}


def _volumes_from(text: str, find: Callable[[str], Container]) -> list[Mount]:
    name, _, mode = text.partition(":")
    if not name:
        raise InvalidArgument(f"malformed volumes-from specification: {text}")
    if mode not in ("", "ro", "rw", "z", "Z"):
        raise InvalidArgument(f"invalid mode for volumes-from: {mode}")
    try:
        source = find(name)
    except NotFound:
        raise InvalidArgument(f"No such container: {name}") from None
    return [
        Mount(
            mount.kind,
            mount.source,
            mount.destination,
            mount.name,
            mount.driver,
            mount.mode,
            mount.writable and mode != "ro",
            mount.propagation,
            options=list(mount.options),
            subpath=mount.subpath,
            mapping=mount.mapping,
        )
        for mount in source.mounts
        if mount.kind != "tmpfs"
    ]
