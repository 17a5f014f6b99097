"""Flags of `run` and `create` → the body of `POST /containers/create`. Pure but for the files that flags name.

Errors end with 125, as docker's do when it refuses the command line.
"""

import json
import os
from collections.abc import Iterable
from typing import Any

from engine.cli import network_flags
from engine.cli.device_flags import device_requests, is_device_name
from engine.cli.errors import CommandFailed, unreadable
from engine.cli.humane import parse_bytes, parse_duration
from engine.cli.mount_flags import bind_or_volume, mount
from engine.cli.port_flags import exposed, published

Flags = dict[str, Any]
Body = dict[str, Any]

# Options that are complete without a value; others of that form are mistakes.
_BARE_SECURITY_OPTIONS = ("no-new-privileges", "writable-cgroups", "disable")
_NO_VALUE: tuple[Any, ...] = (None, "", (), [], {}, False, 0)


def create_body(image: str, command: tuple[str, ...], flags: Flags, *, detach: bool = False) -> Body:
    """The request's body: Config's fields, HostConfig and NetworkingConfig; raises CommandFailed with what is wrong."""
    ports, bindings = published(flags["publish"])
    binds: list[str] = []
    anonymous: Body = {}
    for volume in flags["volume"]:
        target, bind = bind_or_volume(volume)
        if bind is None:
            anonymous[target] = {}
        else:
            binds.append(bind)
    body = _config(image, command, flags, detach=detach)
    body["ExposedPorts"] = {**exposed(flags["expose"]), **ports}
    body["Volumes"] = anonymous
    body["HostConfig"] = {**_host_config(flags), **_resources(flags), "Binds": binds, "PortBindings": bindings}
    body["HostConfig"] = _present(body["HostConfig"])
    networking = network_flags.networking(flags)
    body = _present(body)
    if networking:
        body["NetworkingConfig"] = networking
    if flags["entrypoint"] == "":
        body["Entrypoint"] = [""]  # an empty word, which means: forget the image's
    return body


def _config(image: str, command: tuple[str, ...], flags: Flags, *, detach: bool) -> Body:
    streams = _attached(flags, detach=detach)
    return {
        "Image": image,
        "Cmd": list(command),
        "Entrypoint": [flags["entrypoint"]] if flags["entrypoint"] else None,
        "Hostname": flags["hostname"],
        "Domainname": flags["domainname"],
        "User": flags["user"],
        "WorkingDir": flags["workdir"],
        "Tty": flags["tty"],
        "OpenStdin": flags["interactive"],
        "StdinOnce": flags["interactive"] and "stdin" in streams,
        "AttachStdin": "stdin" in streams,
        "AttachStdout": "stdout" in streams,
        "AttachStderr": "stderr" in streams,
        "Env": environment(flags["env_file"], flags["env"]),
        "Labels": key_values([*_lines(flags["label_file"]), *flags["label"]]),
        "StopSignal": flags["stop_signal"],
        "StopTimeout": flags["stop_timeout"],
        "MacAddress": flags["mac_address"],
        "Healthcheck": _health(flags),
    }


def _attached(flags: Flags, *, detach: bool) -> set[str]:
    if detach:
        if flags["attach"]:
            raise CommandFailed("Conflicting options: -a and -d", 125)
        return set()
    named = {stream.lower() for stream in flags["attach"]}
    unknown = named - {"stdin", "stdout", "stderr"}
    if unknown:
        raise CommandFailed(f"valid streams are STDIN, STDOUT and STDERR, not {sorted(unknown)[0]!r}", 125)
    return named or ({"stdout", "stderr"} | ({"stdin"} if flags["interactive"] else set()))


def _host_config(flags: Flags) -> Body:
    return {
        "NetworkMode": network_flags.mode(flags),
        "AutoRemove": flags["rm"],
        "Privileged": flags["privileged"],
        "PublishAllPorts": flags["publish_all"],
        "ReadonlyRootfs": flags["read_only"],
        "Init": True if flags["init"] else None,
        "RestartPolicy": restart_policy(flags["restart"]) if flags["restart"] else None,
        "Runtime": flags["runtime"],
        "LogConfig": {"Type": flags["log_driver"] or "", "Config": key_values(flags["log_opt"])}
        if flags["log_driver"] or flags["log_opt"]
        else None,
        "StorageOpt": key_values(flags["storage_opt"]),
        "ContainerIDFile": flags["cidfile"],
        "Mounts": [mount(text) for text in flags["mount"]],
        "VolumesFrom": list(flags["volumes_from"]),
        "VolumeDriver": flags["volume_driver"],
        "Tmpfs": {target: options for target, _, options in (text.partition(":") for text in flags["tmpfs"])},
        "ShmSize": _bytes(flags["shm_size"]),
        "CapAdd": list(flags["cap_add"]),
        "CapDrop": list(flags["cap_drop"]),
        "SecurityOpt": [_security_option(text) for text in flags["security_opt"]],
        "GroupAdd": list(flags["group_add"]),
        "Sysctls": key_values(flags["sysctl"]),
        "IpcMode": flags["ipc"],
        "PidMode": flags["pid"],
        "UTSMode": flags["uts"],
        "UsernsMode": flags["userns"],
        "CgroupnsMode": flags["cgroupns"],
        "Isolation": flags["isolation"],
        "Links": list(flags["link"]),
        "ExtraHosts": [_host_entry(text) for text in flags["add_host"]],
        "Dns": [_dns_server(text) for text in flags["dns"]],
        "DnsSearch": list(flags["dns_search"]),
        "DnsOptions": list(flags["dns_option"]),
        "Annotations": key_values(flags["annotation"]),
    }


def _resources(flags: Flags) -> Body:
    return {
        "Memory": _bytes(flags["memory"]),
        "MemoryReservation": _bytes(flags["memory_reservation"]),
        "MemorySwap": -1 if flags["memory_swap"] == "-1" else _bytes(flags["memory_swap"]),
        "MemorySwappiness": flags["memory_swappiness"],
        "KernelMemory": _bytes(flags["kernel_memory"]),
        "NanoCpus": _nano_cpus(flags["cpus"]),
        "CpuShares": flags["cpu_shares"],
        "CpuPeriod": flags["cpu_period"],
        "CpuQuota": flags["cpu_quota"],
        "CpuRealtimePeriod": flags["cpu_rt_period"],
        "CpuRealtimeRuntime": flags["cpu_rt_runtime"],
        "CpusetCpus": flags["cpuset_cpus"],
        "CpusetMems": flags["cpuset_mems"],
        "PidsLimit": flags["pids_limit"],
        "OomKillDisable": flags["oom_kill_disable"],
        "OomScoreAdj": flags["oom_score_adj"],
        "CgroupParent": flags["cgroup_parent"],
        "Ulimits": [ulimit(text) for text in flags["ulimit"]],
        "Devices": [_device(text) for text in flags["device"] if not is_device_name(text)],
        "DeviceCgroupRules": list(flags["device_cgroup_rule"]),
        "DeviceRequests": device_requests(flags["device"], flags["gpus"]),
        "BlkioWeight": flags["blkio_weight"],
        "BlkioWeightDevice": [_rated(text, "Weight", int) for text in flags["blkio_weight_device"]],
        "BlkioDeviceReadBps": [_rated(text, "Rate", parse_bytes) for text in flags["device_read_bps"]],
        "BlkioDeviceWriteBps": [_rated(text, "Rate", parse_bytes) for text in flags["device_write_bps"]],
        "BlkioDeviceReadIOps": [_rated(text, "Rate", int) for text in flags["device_read_iops"]],
        "BlkioDeviceWriteIOps": [_rated(text, "Rate", int) for text in flags["device_write_iops"]],
    }


def environment(files: Iterable[str], pairs: Iterable[str]) -> list[str]:
    """`NAME=VALUE` entries; a bare NAME takes the caller's value, and is left out where the caller has none."""
    entries = []
    for pair in [*_lines(files), *pairs]:
        name, separator, _ = pair.partition("=")
        if not name:
            raise CommandFailed(f"invalid environment variable: {pair}", 125)
        if separator:
            entries.append(pair)
        elif name in os.environ:
            entries.append(f"{name}={os.environ[name]}")
    return entries


def key_values(pairs: Iterable[str]) -> dict[str, str]:
    """A map from `key=value` words; a bare key has an empty value."""
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


def restart_policy(text: str) -> Body:
    """`no`, `always`, `unless-stopped`, `on-failure[:max-retries]`."""
    name, separator, count = text.partition(":")
    if separator and not count.isdigit():
        raise CommandFailed("invalid restart policy format: maximum retry count must be an integer", 125)
    return {"Name": name, "MaximumRetryCount": int(count or 0)}


def _lines(files: Iterable[str]) -> list[str]:
    found = []
    for name in files:
        try:
            with open(name, encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            raise CommandFailed(unreadable(name, error), 125) from error
        found += [line.lstrip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return found


def _host_entry(text: str) -> str:
    """`name:address`, or with an equals sign as an address with colons wants it."""
    name, _, address = text.partition("=" if ":" not in text.partition("=")[0] else ":")
    if not name or not address:
        raise CommandFailed(f'bad format for add-host: "{text}"', 125)
    return f"{name}:{address}"


def _dns_server(text: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise CommandFailed(f"IP address is not correctly formatted: {text}", 125) from None


def _security_option(text: str) -> str:
    """A seccomp profile is sent by content: the daemon must not read a file that the client names."""
    key, _, value = text.replace(":", "=", 1).partition("=") if "=" not in text else text.partition("=")
    if not value and key not in _BARE_SECURITY_OPTIONS:
        raise CommandFailed(f'Invalid --security-opt: "{text}"', 125)
    if key != "seccomp" or value in ("unconfined", "builtin"):
        return text
    try:
        with open(value, encoding="utf-8") as file:
            return "seccomp=" + json.dumps(json.load(file), separators=(",", ":"))
    except (OSError, ValueError) as error:
        raise CommandFailed(f"opening seccomp profile ({value}) failed: {error}", 125) from error


def ulimit(text: str) -> Body:
    name, separator, limits = text.partition("=")
    soft, _, hard = limits.partition(":")
    try:
        return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)} if separator else _refuse_ulimit(text)
    except ValueError:
        return _refuse_ulimit(text)


def _refuse_ulimit(text: str) -> Body:
    raise CommandFailed(f"invalid ulimit argument: {text}", 125)


def _device(text: str) -> Body:
    host, *rest = text.split(":")
    if len(rest) > 2:
        raise CommandFailed(f"invalid device specification: {text}", 125)
    permissions = "rwm"
    if rest and set(rest[-1]) <= set("rwm") and rest[-1]:
        permissions = rest.pop()
    target = rest[0] if rest else host
    return {"PathOnHost": host, "PathInContainer": target, "CgroupPermissions": permissions}


def _rated(text: str, key: str, number: Any) -> Body:
    path, separator, value = text.partition(":")
    try:
        if not separator or not path.startswith("/dev/"):
            raise ValueError
        return {"Path": path, key: number(value)}
    except ValueError as error:
        raise CommandFailed(f"invalid device limit {text}: write it as /dev/PATH:NUMBER", 125) from error


def _health(flags: Flags) -> Body | None:
    if flags["no_healthcheck"]:
        if flags["health_cmd"]:
            raise CommandFailed("--no-healthcheck conflicts with --health-* options", 125)
        return {"Test": ["NONE"]}
    durations = {
        name: parse_duration(flags[flag])
        for name, flag in (
            ("Interval", "health_interval"),
            ("Timeout", "health_timeout"),
            ("StartPeriod", "health_start_period"),
            ("StartInterval", "health_start_interval"),
        )
        if flags[flag]
    }
    test = {"Test": ["CMD-SHELL", flags["health_cmd"]]} if flags["health_cmd"] else {}
    retries = {"Retries": flags["health_retries"]} if flags["health_retries"] else {}
    return {**test, **durations, **retries} or None


def _nano_cpus(text: str | None) -> int | None:
    try:
        return None if text is None else round(float(text) * 1e9)
    except ValueError as error:
        raise CommandFailed(f'invalid argument "{text}" for "--cpus" flag: not a number', 125) from error


def _bytes(text: str | None) -> int | None:
    return None if text is None else parse_bytes(text)


def _present(fields: Body) -> Body:
    """Only what somebody said: the daemon's defaults are the daemon's. A number 0 that was given on purpose stays."""
    return {
        key: value
        for key, value in fields.items()
        if value not in _NO_VALUE or (value == 0 and value is not False and key in ("StopTimeout", "MemorySwappiness"))
    }
