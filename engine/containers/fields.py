"""The fields of Config and HostConfig: their shapes and dockerd's defaults; what a client sent, made complete."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine import gojson
from engine.containers import shapes
from engine.gojson import INT, INT64, TEXT, TEXT_MAP, TEXTS, TRUTH, UINT, UINT16, Listed, Shape, Struct, Words

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its shape, and the value that inspect shows when the client sent none."""

    shape: Shape
    default: Any = None
    omit_empty: bool = False
    nullable: bool = False  # null is kept apart from the zero value


_S, _I, _B, _TEXTS, _WORDS = Field(TEXT, ""), Field(INT64, 0), Field(TRUTH, False), Field(TEXTS), Field(Words())
SIZE = Listed(UINT, "[2]uint", size=2)

CONFIG: dict[str, Field] = {
    "Hostname": _S,
    "Domainname": _S,
    "User": _S,
    "AttachStdin": _B,
    "AttachStdout": _B,
    "AttachStderr": _B,
    "ExposedPorts": Field(shapes.EXPOSED_PORTS, omit_empty=True),
    "Tty": _B,
    "OpenStdin": _B,
    "StdinOnce": _B,
    "Env": _TEXTS,
    "Cmd": _WORDS,
    "Healthcheck": Field(shapes.HEALTHCHECK, omit_empty=True),
    "ArgsEscaped": Field(TRUTH, False, omit_empty=True),
    "Image": _S,
    "Volumes": Field(shapes.VOLUMES),
    "WorkingDir": _S,
    "Entrypoint": _WORDS,
    "NetworkDisabled": Field(TRUTH, False, omit_empty=True),
    "MacAddress": Field(TEXT, "", omit_empty=True),
    "OnBuild": _TEXTS,
    "Labels": Field(TEXT_MAP),
    "StopSignal": Field(TEXT, "", omit_empty=True),
    "StopTimeout": Field(INT, omit_empty=True, nullable=True),
    "Shell": Field(Words(), omit_empty=True),
}

HOST_CONFIG: dict[str, Field] = {
    "Binds": _TEXTS,
    "ContainerIDFile": _S,
    "LogConfig": Field(shapes.LOG_CONFIG, {"Type": "", "Config": {}}),
    "NetworkMode": _S,
    "PortBindings": Field(shapes.PORT_BINDINGS),
    "RestartPolicy": Field(shapes.RESTART_POLICY, {"Name": "no", "MaximumRetryCount": 0}),
    "AutoRemove": _B,
    "VolumeDriver": _S,
    "VolumesFrom": _TEXTS,
    "ConsoleSize": Field(SIZE, [0, 0]),
    "Annotations": Field(TEXT_MAP, omit_empty=True),
    "CapAdd": _WORDS,
    "CapDrop": _WORDS,
    "CgroupnsMode": _S,
    "Dns": _TEXTS,
    "DnsOptions": _TEXTS,
    "DnsSearch": _TEXTS,
    "ExtraHosts": _TEXTS,
    "GroupAdd": _TEXTS,
    "IpcMode": _S,
    "Cgroup": _S,
    "Links": _TEXTS,
    "OomScoreAdj": Field(INT, 0),
    "PidMode": _S,
    "Privileged": _B,
    "PublishAllPorts": _B,
    "ReadonlyRootfs": _B,
    "SecurityOpt": _TEXTS,
    "StorageOpt": Field(TEXT_MAP, omit_empty=True),
    "Tmpfs": Field(TEXT_MAP, omit_empty=True),
    "UTSMode": _S,
    "UsernsMode": _S,
    "ShmSize": _I,
    "Sysctls": Field(TEXT_MAP, omit_empty=True),
    "Runtime": _S,
    "Isolation": _S,
    "CpuShares": _I,
    "Memory": _I,
    "NanoCpus": _I,
    "CgroupParent": _S,
    "BlkioWeight": Field(UINT16, 0),
    "BlkioWeightDevice": Field(shapes.WEIGHT_DEVICES),
    "BlkioDeviceReadBps": Field(shapes.THROTTLE_DEVICES),
    "BlkioDeviceWriteBps": Field(shapes.THROTTLE_DEVICES),
    "BlkioDeviceReadIOps": Field(shapes.THROTTLE_DEVICES),
    "BlkioDeviceWriteIOps": Field(shapes.THROTTLE_DEVICES),
    "CpuPeriod": _I,
    "CpuQuota": _I,
    "CpuRealtimePeriod": _I,
    "CpuRealtimeRuntime": _I,
    "CpusetCpus": _S,
    "CpusetMems": _S,
    "Devices": Field(shapes.DEVICES),
    "DeviceCgroupRules": _TEXTS,
    "DeviceRequests": Field(shapes.DEVICE_REQUESTS),
    "KernelMemory": Field(INT64, 0, omit_empty=True),
    "KernelMemoryTCP": Field(INT64, 0, omit_empty=True),
    "MemoryReservation": _I,
    "MemorySwap": _I,
    "MemorySwappiness": Field(INT64, nullable=True),
    "OomKillDisable": Field(TRUTH, nullable=True),
    "PidsLimit": Field(INT64, nullable=True),
    "Ulimits": Field(shapes.ULIMITS),
    "CpuCount": _I,
    "CpuPercent": _I,
    "IOMaximumIOps": _I,
    "IOMaximumBandwidth": _I,
    "Mounts": Field(shapes.MOUNTS, omit_empty=True),
    "Init": Field(TRUTH, omit_empty=True, nullable=True),
    "MaskedPaths": Field(TEXTS, nullable=True),
    "ReadonlyPaths": Field(TEXTS, nullable=True),
}


def complete(table: Mapping[str, Field], given: Json | None, owner: str, under: str = "") -> Json:
    """Every field of the table, from `given` where it is there and from the defaults elsewhere.

    `owner` is the struct's name in Go, and `under` the field that it is in, if any: errors tell both.
    """
    shape = Struct(owner, {name: field.shape for name, field in table.items()}, package="")
    read = shape.read(given or {}, gojson.Place(owner, (under,) if under else ()))
    done = {name: read[name] if name in read else copy.deepcopy(field.default) for name, field in table.items()}
    if done.get("Healthcheck"):  # nothing of it is shown that says nothing
        done["Healthcheck"] = {key: part for key, part in done["Healthcheck"].items() if part not in (0, "", [])}
    return done


def shown(table: Mapping[str, Field], values: Json) -> Json:
    """The fields as inspect shows them: empty ones left out where Docker leaves them out."""
    return {
        name: values.get(name, field.default)
        for name, field in table.items()
        if not (field.omit_empty and values.get(name) in (None, "", 0, False, [], {}))
        or (field.nullable and values.get(name) is not None)
    }
