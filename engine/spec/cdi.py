"""CDI: devices by name (`vendor.com/class=name`), as their vendors' JSON files say what a container needs for them.

    {"cdiVersion": "0.6.0", "kind": "vendor.com/net",
     "containerEdits": {…of every device of the kind…},
     "devices": [{"name": "eth7", "containerEdits": {"env": […], "deviceNodes": […], "mounts": […], "hooks": […],
                                                     "additionalGids": […]}}]}

The folders are root's, and what stands there may do anything (hooks run as root): no name of a device is ever a path.
A later folder goes before an earlier one; a name twice in one folder is nobody's. YAML files are not read, and said.
"""

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.spec.devices import node_of
from proto.errdefs import InvalidArgument

logger = logging.getLogger(__name__)

Json = dict[str, Any]

_KIND = re.compile(r"^[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_-]*\Z")
_QUALIFIED = re.compile(r"^([A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_-]*)=([A-Za-z0-9][A-Za-z0-9_.:-]*)\Z")
_HOOKS = frozenset({"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"})
_BUILT = frozenset({"env", "deviceNodes", "mounts", "hooks", "additionalGids"})
NVIDIA = "nvidia.com/gpu"
_NVIDIA_CAPABILITIES = frozenset({"gpu", "nvidia", "compute", "compat32", "graphics", "utility", "video", "display"})


@dataclass(slots=True)
class Kind:
    """The devices that one file declares: name → edits, and the edits that all of them need."""

    kind: str
    common: Json
    devices: dict[str, Json]


@dataclass(slots=True)
class Registry:
    """Every device of the folders; `unread` are files that were passed over."""

    devices: dict[str, tuple[Kind, Json]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def load(folders: Sequence[str]) -> Registry:
    """Read the folders, each time anew: they are small, and change when drivers do."""
    registry = Registry()
    for folder in folders:
        found: dict[str, tuple[Kind, Json] | None] = {}
        for path in _files(folder, registry):
            try:
                kind = parse(path)
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                logger.warning("CDI file %s: %s", path, error)
                registry.unread.append(path)
                continue
            for name, edits in kind.devices.items():
                qualified = f"{kind.kind}={name}"
                found[qualified] = None if qualified in found else (kind, edits)
        for qualified, device in found.items():
            registry.devices.pop(qualified, None)
            if device is not None:
                registry.devices[qualified] = device
    return registry


def _files(folder: str, registry: Registry) -> Iterator[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.endswith(".json"):
            yield f"{folder}/{name}"
        elif name.endswith((".yaml", ".yml")):
            registry.unread.append(f"{folder}/{name}")


def parse(path: str) -> Kind:
    """One file; ValueError and its like for what is none."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    kind = document["kind"]
    if not _KIND.match(kind):
        raise ValueError(f"invalid kind {kind!r}")
    devices = {device["name"]: device.get("containerEdits") or {} for device in document["devices"]}
    common = document.get("containerEdits") or {}
    for edits in (common, *devices.values()):
        unknown = set(edits) - _BUILT
        if unknown:
            raise ValueError(f"containerEdits.{sorted(unknown)[0]} is not built into this engine")
        for hook in edits.get("hooks") or ():
            if hook["hookName"] not in _HOOKS:
                raise ValueError(f"invalid hook name {hook['hookName']!r}")
    return Kind(kind, common, devices)


def is_qualified(text: str) -> bool:
    """Is it a device's full name."""
    return _QUALIFIED.match(text) is not None


def names(requests: Sequence[Json], registry: Registry) -> list[str]:
    """HostConfig.DeviceRequests → full names; `--gpus` asks for devices of NVIDIA's kind."""
    done: list[str] = []
    for request in requests:
        count, ids = request.get("Count") or 0, request.get("DeviceIDs") or []
        if request.get("Driver") == "cdi":
            if count:
                raise InvalidArgument("unexpected count in CDI device request")
            if request.get("Options"):
                raise InvalidArgument("unexpected options in CDI device request")
            done += ids
        elif _is_nvidia(request) and any(kind.kind == NVIDIA for kind, _ in registry.devices.values()):
            if count and ids:
                raise InvalidArgument("cannot set both Count and DeviceIDs on device request")
            chosen = ids or (["all"] if count < 0 else [str(number) for number in range(count)])
            done += [name if is_qualified(name) else f"{NVIDIA}={name}" for name in chosen]
        else:
            raise InvalidArgument(_unknown(request))
    return done


def _is_nvidia(request: Json) -> bool:
    """One of the alternatives has capabilities of that driver only."""
    wanted = request.get("Capabilities") or []
    return request.get("Driver") in (None, "", "nvidia") and any(set(one) <= _NVIDIA_CAPABILITIES for one in wanted)


def _unknown(request: Json) -> str:
    capabilities = " ".join(f"[{' '.join(one)}]" for one in request.get("Capabilities") or [])
    return f'could not select device driver "{request.get("Driver") or ""}" with capabilities: [{capabilities}]'


def edits(wanted: Sequence[str], registry: Registry) -> list[Json]:
    """What to change for the devices, in their order; what all of a file's devices need comes once, first."""
    missing = [name for name in wanted if name not in registry.devices]
    if missing:
        hint = f" (files not read: {', '.join(registry.unread)})" if registry.unread else ""
        raise InvalidArgument(f"CDI device injection failed: unresolvable CDI devices {', '.join(missing)}{hint}")
    done: list[Json] = []
    seen: list[Kind] = []
    for name in wanted:
        kind, own = registry.devices[name]
        if kind not in seen:
            seen.append(kind)
            done.append(_located(kind.common))
        done.append(_located(own))
    return done


def _located(given: Json) -> Json:
    """The same, with each device node as the spec has it."""
    nodes = []
    for node in given.get("deviceNodes") or ():
        path = node["path"]
        try:
            found = node_of(node.get("hostPath") or path, path)
        except OSError as error:
            if "type" not in node or (node["type"] != "p" and "major" not in node):
                raise InvalidArgument(f"CDI device injection failed: failed to stat CDI host device: {error}") from None
            found = {"path": path}
        kept = ("type", "major", "minor", "fileMode", "uid", "gid")
        nodes.append(
            found | {key: node[key] for key in kept if key in node} | {"permissions": node.get("permissions") or "rwm"}
        )
    return {**given, "deviceNodes": nodes}


def apply(spec: Json, changes: Sequence[Json]) -> None:
    """Put the edits into a spec. Pure but for the spec itself."""
    for change in changes:
        _environment(spec["process"], change.get("env") or ())
        _nodes(spec["linux"], change.get("deviceNodes") or ())
        for mount in change.get("mounts") or ():
            _mount(spec, mount)
        for hook in change.get("hooks") or ():
            place = spec.setdefault("hooks", {}).setdefault(hook["hookName"], [])
            place.append({key: hook[key] for key in ("path", "args", "env", "timeout") if key in hook})
        user = spec["process"]["user"]
        groups = [*user.get("additionalGids", ()), *filter(None, change.get("additionalGids") or ())]
        if groups:
            user["additionalGids"] = list(dict.fromkeys(groups))
    if any(change.get("mounts") for change in changes):
        spec["mounts"].sort(key=lambda entry: entry["destination"].rstrip("/").count("/"))


def _environment(process: Json, added: Sequence[str]) -> None:
    replaced = {entry.partition("=")[0] for entry in added}
    process["env"] = [entry for entry in process["env"] if entry.partition("=")[0] not in replaced] + list(added)


def _nodes(linux: Json, nodes: Sequence[Mapping[str, Any]]) -> None:
    for node in nodes:
        entry = {key: value for key, value in node.items() if key != "permissions"}
        linux["devices"] = [known for known in linux["devices"] if known["path"] != entry["path"]] + [entry]
        if entry["type"] in ("b", "c"):
            rule = {key: entry[key] for key in ("type", "major", "minor")}
            linux["resources"].setdefault("devices", []).append({"allow": True, **rule, "access": node["permissions"]})


def _mount(spec: Json, mount: Json) -> None:
    place = mount["containerPath"]
    kept = [entry for entry in spec["mounts"] if entry["destination"] != place]
    entry = {"destination": place, "source": mount["hostPath"], "options": list(mount.get("options") or ())}
    kind = mount.get("type") or ("bind" if {"bind", "rbind"} & set(entry["options"]) else "")
    spec["mounts"] = [*kept, entry | ({"type": kind} if kind else {})]
