"""The fields of Config and HostConfig: their JSON types and dockerd's defaults; what a client sent, made complete.

Go's decoder matches names without regard to case, ignores names that it does not know and refuses wrong types: so
does this one.
"""

import copy
from dataclasses import dataclass
from typing import Any

from proto.errdefs import InvalidArgument

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its JSON type and the value that inspect shows when the client sent none."""

    kind: str  # str, int, bool, list, dict, words, or any of them with "?" when null is kept apart from the zero value
    default: Any = None
    omit_empty: bool = False
    element: type | None = None  # of the list's elements or the map's values


_S, _I, _B = Field("str", ""), Field("int", 0), Field("bool", False)
_L, _D, _TEXTS = Field("list"), Field("dict"), Field("list", element=str)

CONFIG: dict[str, Field] = {
    "Hostname": _S,
    "Domainname": _S,
    "User": _S,
    "AttachStdin": _B,
    "AttachStdout": _B,
    "AttachStderr": _B,
    "ExposedPorts": Field("dict", None, omit_empty=True),
    "Tty": _B,
    "OpenStdin": _B,
    "StdinOnce": _B,
    "Env": _TEXTS,
    "Cmd": Field("words"),
    "Healthcheck": Field("dict", None, omit_empty=True),
    "ArgsEscaped": Field("bool", False, omit_empty=True),
    "Image": _S,
    "Volumes": _D,
    "WorkingDir": _S,
    "Entrypoint": Field("words"),
    "NetworkDisabled": Field("bool", False, omit_empty=True),
    "MacAddress": Field("str", "", omit_empty=True),
    "OnBuild": _TEXTS,
    "Labels": Field("dict", element=str),
    "StopSignal": Field("str", "", omit_empty=True),
    "StopTimeout": Field("int?", None, omit_empty=True),
    "Shell": Field("words", None, omit_empty=True),
}

HOST_CONFIG: dict[str, Field] = {
    "Binds": _TEXTS,
    "ContainerIDFile": _S,
    "LogConfig": Field("dict", {"Type": "", "Config": {}}),
    "NetworkMode": _S,
    "PortBindings": _D,
    "RestartPolicy": Field("dict", {"Name": "no", "MaximumRetryCount": 0}),
    "AutoRemove": _B,
    "VolumeDriver": _S,
    "VolumesFrom": _TEXTS,
    "ConsoleSize": Field("list", [0, 0], element=int),
    "Annotations": Field("dict", None, omit_empty=True, element=str),
    "CapAdd": Field("words"),
    "CapDrop": Field("words"),
    "CgroupnsMode": _S,
    "Dns": _TEXTS,
    "DnsOptions": _TEXTS,
    "DnsSearch": _TEXTS,
    "ExtraHosts": _TEXTS,
    "GroupAdd": _TEXTS,
    "IpcMode": _S,
    "Cgroup": _S,
    "Links": _TEXTS,
    "OomScoreAdj": _I,
    "PidMode": _S,
    "Privileged": _B,
    "PublishAllPorts": _B,
    "ReadonlyRootfs": _B,
    "SecurityOpt": _TEXTS,
    "StorageOpt": Field("dict", None, omit_empty=True, element=str),
    "Tmpfs": Field("dict", None, omit_empty=True, element=str),
    "UTSMode": _S,
    "UsernsMode": _S,
    "ShmSize": _I,
    "Sysctls": Field("dict", None, omit_empty=True, element=str),
    "Runtime": _S,
    "Isolation": _S,
    "CpuShares": _I,
    "Memory": _I,
    "NanoCpus": _I,
    "CgroupParent": _S,
    "BlkioWeight": _I,
    "BlkioWeightDevice": Field("list", element=dict),
    "BlkioDeviceReadBps": Field("list", element=dict),
    "BlkioDeviceWriteBps": Field("list", element=dict),
    "BlkioDeviceReadIOps": Field("list", element=dict),
    "BlkioDeviceWriteIOps": Field("list", element=dict),
    "CpuPeriod": _I,
    "CpuQuota": _I,
    "CpuRealtimePeriod": _I,
    "CpuRealtimeRuntime": _I,
    "CpusetCpus": _S,
    "CpusetMems": _S,
    "Devices": Field("list", element=dict),
    "DeviceCgroupRules": _TEXTS,
    "DeviceRequests": Field("list", element=dict),
    "KernelMemory": Field("int", 0, omit_empty=True),
    "KernelMemoryTCP": Field("int", 0, omit_empty=True),
    "MemoryReservation": _I,
    "MemorySwap": _I,
    "MemorySwappiness": Field("int?"),
    "OomKillDisable": Field("bool?"),
    "PidsLimit": Field("int?"),
    "Ulimits": Field("list", element=dict),
    "CpuCount": _I,
    "CpuPercent": _I,
    "IOMaximumIOps": _I,
    "IOMaximumBandwidth": _I,
    "Mounts": Field("list", None, omit_empty=True, element=dict),
    "Init": Field("bool?", None, omit_empty=True),
    "MaskedPaths": Field("list?"),
    "ReadonlyPaths": Field("list?"),
}

_TYPES: dict[str, type] = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict}
_GO = {"str": "string", "int": "int64", "bool": "bool", "list": "[]string", "dict": "map[string]string"}


def complete(table: dict[str, Field], given: Json | None, owner: str) -> Json:
    """Every field of the table, from `given` where it is there and from the defaults elsewhere."""
    given = given or {}
    if not isinstance(given, dict):
        raise InvalidArgument(f"json: cannot unmarshal {_json_type(given)} into Go value of type {owner}")
    by_lower = {name.lower(): value for name, value in given.items()}
    done: Json = {}
    for name, field in table.items():
        value = given[name] if name in given else by_lower.get(name.lower())
        done[name] = copy.deepcopy(field.default) if value is None else _checked(name, field, value, owner)
    return done


def _checked(name: str, field: Field, value: Any, owner: str) -> Any:
    kind = field.kind.removesuffix("?")
    if kind == "words":  # Go's StrSlice takes a lone string for a list of one
        value = [value] if isinstance(value, str) else value
        kind = "list"
    wanted = _TYPES[kind]
    element = str if field.kind.startswith("words") else field.element
    if not _is(value, wanted):
        raise _mismatch(owner, name, value, _GO[kind])
    if element is not None:
        for part in value.values() if wanted is dict else value:
            if not _is(part, element):
                raise _mismatch(owner, name, part, _GO_ELEMENT[element])
    if name == "RestartPolicy":
        _restart_policy(value, owner)
    if name == "PortBindings":
        return {port: _bindings(entries, owner) for port, entries in value.items()}
    if name == "Healthcheck":  # nothing of it is shown that says nothing
        return {key: part for key, part in value.items() if part not in (None, 0, "", [])}
    return _console_size(owner, value) if name == "ConsoleSize" else value


def _console_size(owner: str, value: list[int]) -> list[int]:
    """Go's array of two: what is missing is 0, what is too much is nobody's."""
    if any(number < 0 for number in value):
        raise _mismatch(owner, "ConsoleSize", min(value), "uint")
    return [*value, 0, 0][:2]


_GO_ELEMENT: dict[type, str] = {str: "string", int: "uint", dict: "struct"}


def _is(value: Any, wanted: type) -> bool:
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool) and is_int64(value)
    return isinstance(value, wanted)


def is_int64(value: int) -> bool:
    """Does Go have room for it."""
    return -(1 << 63) <= value < 1 << 63


def _restart_policy(value: Json, owner: str) -> None:
    for name, wanted, words in (("Name", str, "string"), ("MaximumRetryCount", int, "int")):
        if value.get(name) is not None and not _is(value[name], wanted):
            raise _mismatch(owner, f"RestartPolicy.{name}", value[name], words)


def _bindings(entries: Any, owner: str) -> list[Json] | None:
    """Where a port is to be published: both words are there, as Go's struct has them."""
    if entries is None:
        return None
    if not isinstance(entries, list):
        raise _mismatch(owner, "PortBindings", entries, "[]network.PortBinding")
    done = []
    for entry in entries:
        if not isinstance(entry, dict):
            raise _mismatch(owner, "PortBindings", entry, "network.PortBinding")
        by_lower = {key.lower(): part for key, part in entry.items()}
        binding = {}
        for key in ("HostIp", "HostPort"):
            part = by_lower.get(key.lower())
            if part is not None and not isinstance(part, str):
                raise _mismatch("PortBinding", key, part, "string")
            binding[key] = part or ""
        done.append(binding)
    return done


def _mismatch(owner: str, name: str, value: Any, wanted: str) -> InvalidArgument:
    return InvalidArgument(
        f"invalid JSON: json: cannot unmarshal {_json_type(value)} into Go struct field {owner}.{name} of type {wanted}"
    )


def _json_type(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def shown(table: dict[str, Field], values: Json) -> Json:
    """The fields as inspect shows them: empty ones left out where Docker leaves them out."""
    return {
        name: values.get(name, field.default)
        for name, field in table.items()
        if not (field.omit_empty and values.get(name) in (None, "", 0, False, [], {}))
        or (field.kind.endswith("?") and values.get(name) is not None)
    }
