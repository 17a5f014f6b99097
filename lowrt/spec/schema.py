"""The types of config.json's fields, and the walk that holds a document against them.

A field not listed is ignored, as runc ignores it; null counts as absent. The walk is what lets every other file
index the document without asking first.
"""

from lowrt.spec.model import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Type = Any  # a str naming a leaf, [Type] for a list, {"*": Type} for a map, {name: Type} for an object

_UNSIGNED = {"u8": 8, "u16": 16, "u32": 32, "u64": 64}
_SIGNED = {"i8": 8, "i16": 16, "i32": 32, "i64": 64, "int": 64}

_STRINGS: "Type" = {"*": "str"}
_ID_MAP: "Type" = [{"containerID": "u32", "hostID": "u32", "size": "u32"}]
_BLOCK: "Type" = {"major": "i64", "minor": "i64"}
_THROTTLE: "Type" = [{**_BLOCK, "rate": "u64"}]
_HOOK: "Type" = [{"path": "str", "args": ["str"], "env": ["str"], "timeout": "int"}]

PROCESS: "Type" = {
    "terminal": "bool",
    "consoleSize": {"height": "u64", "width": "u64"},
    "user": {"uid": "u32", "gid": "u32", "umask": "u32", "additionalGids": ["u32"], "username": "str"},
    "args": ["str"],
    "commandLine": "str",
    "env": ["str"],
    "cwd": "str",
    "capabilities": {
        "bounding": ["str"],
        "effective": ["str"],
        "inheritable": ["str"],
        "permitted": ["str"],
        "ambient": ["str"],
    },
    "rlimits": [{"type": "str", "hard": "u64", "soft": "u64"}],
    "noNewPrivileges": "bool",
    "apparmorProfile": "str",
    "oomScoreAdj": "int",
    "scheduler": {
        "policy": "str",
        "nice": "i32",
        "priority": "i32",
        "flags": ["str"],
        "runtime": "u64",
        "deadline": "u64",
        "period": "u64",
    },
    "selinuxLabel": "str",
    "ioPriority": {"class": "str", "priority": "int"},
    "execCPUAffinity": {"initial": "str", "final": "str"},
}

SECCOMP: "Type" = {
    "defaultAction": "str",
    "defaultErrnoRet": "u32",
    "architectures": ["str"],
    "flags": ["str"],
    "listenerPath": "str",
    "listenerMetadata": "str",
    "syscalls": [
        {
            "names": ["str"],
            "action": "str",
            "errnoRet": "u32",
            "args": [{"index": "u32", "value": "u64", "valueTwo": "u64", "op": "str"}],
        }
    ],
}

RESOURCES: "Type" = {
    "devices": [{"allow": "bool", "type": "str", "major": "i64", "minor": "i64", "access": "str"}],
    "memory": {
        "limit": "i64",
        "reservation": "i64",
        "swap": "i64",
        "kernel": "i64",
        "kernelTCP": "i64",
        "swappiness": "u64",
        "disableOOMKiller": "bool",
        "useHierarchy": "bool",
        "checkBeforeUpdate": "bool",
    },
    "cpu": {
        "shares": "u64",
        "quota": "i64",
        "burst": "u64",
        "period": "u64",
        "realtimeRuntime": "i64",
        "realtimePeriod": "u64",
        "cpus": "str",
        "mems": "str",
        "idle": "i64",
    },
    "pids": {"limit": "i64"},
    "blockIO": {
        "weight": "u16",
        "leafWeight": "u16",
        "weightDevice": [{**_BLOCK, "weight": "u16", "leafWeight": "u16"}],
        "throttleReadBpsDevice": _THROTTLE,
        "throttleWriteBpsDevice": _THROTTLE,
        "throttleReadIOPSDevice": _THROTTLE,
        "throttleWriteIOPSDevice": _THROTTLE,
    },
    "hugepageLimits": [{"pageSize": "str", "limit": "u64"}],
    "network": {"classID": "u32", "priorities": [{"name": "str", "priority": "u32"}]},
    "rdma": {"*": {"hcaHandles": "u32", "hcaObjects": "u32"}},
    "unified": _STRINGS,
}

LINUX: "Type" = {
    "uidMappings": _ID_MAP,
    "gidMappings": _ID_MAP,
    "sysctl": _STRINGS,
    "resources": RESOURCES,
    "cgroupsPath": "str",
    "namespaces": [{"type": "str", "path": "str"}],
    "devices": [
        {"path": "str", "type": "str", "major": "i64", "minor": "i64", "fileMode": "u32", "uid": "u32", "gid": "u32"}
    ],
    "netDevices": {"*": {"name": "str"}},
    "seccomp": SECCOMP,
    "rootfsPropagation": "str",
    "maskedPaths": ["str"],
    "readonlyPaths": ["str"],
    "mountLabel": "str",
    "intelRdt": {
        "closID": "str",
        "schemata": ["str"],
        "l3CacheSchema": "str",
        "memBwSchema": "str",
        "enableMonitoring": "bool",
    },
    "memoryPolicy": {"mode": "str", "nodes": "str", "flags": ["str"]},
    "personality": {"domain": "str", "flags": ["str"]},
    "timeOffsets": {"*": {"secs": "i64", "nanosecs": "u32"}},
}

CONFIG: "Type" = {
    "ociVersion": "str",
    "process": PROCESS,
    "root": {"path": "str", "readonly": "bool"},
    "hostname": "str",
    "domainname": "str",
    "mounts": [
        {
            "destination": "str",
            "type": "str",
            "source": "str",
            "options": ["str"],
            "uidMappings": _ID_MAP,
            "gidMappings": _ID_MAP,
        }
    ],
    "hooks": {
        "prestart": _HOOK,
        "createRuntime": _HOOK,
        "createContainer": _HOOK,
        "startContainer": _HOOK,
        "poststart": _HOOK,
        "poststop": _HOOK,
    },
    "annotations": _STRINGS,
    "linux": LINUX,
}


def check_types(value: object, expected: "Type", where: str) -> None:
    """Raise SpecError at the first field of `value` whose type is not the expected one."""
    if value is None:
        return
    if isinstance(expected, str):
        _check_leaf(value, expected, where)
    elif isinstance(expected, list):
        _check_list(value, expected[0], where)
    elif not isinstance(value, dict):
        raise _mismatch(where, "object", value)
    elif "*" in expected:
        for key, member in value.items():
            check_types(member, expected["*"], f"{where}.{key if key.isprintable() else ascii(key)}")
    else:
        for key, member in value.items():
            member_type = expected.get(key)
            if member_type is not None and member is not None:
                check_types(member, member_type, f"{where}.{key}" if where else key)


def _check_list(value: object, element: "Type", where: str) -> None:
    if not isinstance(value, list):
        raise _mismatch(where, "array", value)
    if element == "str":
        # Most of a document is here, the system call names of seccomp: one pass without a call for each.
        for item in value:
            if type(item) is not str:
                raise _mismatch(where, "string", item)
    else:
        for position, item in enumerate(value):
            if item is None:
                raise _mismatch(f"{where}[{position}]", "object", None)
            check_types(item, element, f"{where}[{position}]")


def _check_leaf(value: object, expected: str, where: str) -> None:
    if expected == "str":
        if not isinstance(value, str):
            raise _mismatch(where, "string", value)
        if "\0" in value:
            # A C string would end there: what was checked would not be what is used.
            raise SpecError(f"config.json: {where} contains a null byte")
    elif expected == "bool":
        if not isinstance(value, bool):
            raise _mismatch(where, "boolean", value)
    elif not isinstance(value, int) or isinstance(value, bool):
        raise _mismatch(where, "integer", value)
    else:
        _check_range(value, expected, where)


def _check_range(value: int, expected: str, where: str) -> None:
    if expected in _UNSIGNED:
        low, high = 0, 1 << _UNSIGNED[expected]
    else:
        high = 1 << (_SIGNED[expected] - 1)
        low = -high
    if not low <= value < high:
        raise SpecError(f"config.json: {where}: {value} is out of range ({low} to {high - 1})")


def _mismatch(where: str, expected: str, value: object) -> SpecError:
    names = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    found = names.get(type(value), "null")
    return SpecError(f"config.json: {where or 'document'}: cannot use {found} where {expected} is wanted")
