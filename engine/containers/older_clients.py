"""What a creation means in the API version that it was written in: fields that came later are ignored, old ones are
moved to where they are now, defaults are those of the client's time.

| since | field | an older client's |
| --- | --- | --- |
| 1.40 | BindOptions.NonRecursive | is ignored; its IpcMode is shareable where it names none |
| 1.41 | CgroupnsMode | is the host's on cgroup v1; HostConfig.Capabilities, which 1.40 alone had, is refused |
| 1.42 | BindOptions.CreateMountpoint, ConsoleSize, options of the wrong mount type | are ignored (refused since) |
| 1.43 | Annotations | are ignored |
| 1.44 | Healthcheck.StartInterval, an endpoint's MacAddress | are ignored; read-only binds are it at their top; |
|      | several endpoints, ReadOnlyForceRecursive | are refused; Config.MacAddress is the first endpoint's |
| 1.45 | VolumeOptions.Subpath | is refused |
| 1.48 | mounts of images | are refused; GwPriority is ignored; sysctls of eth0 become the endpoint's (refused since) |
| 1.52 | Config.MacAddress is no more, ports with an empty list are warned of | |
"""

from collections.abc import Iterator
from typing import Any

from proto.errdefs import Fault, InvalidArgument

Json = dict[str, Any]
Version = tuple[int, int]

_SYSCTLS = "com.docker.network.endpoint.sysctls"
_OPTIONS = {"VolumeOptions": "volume", "BindOptions": "bind", "TmpfsOptions": "tmpfs", "ImageOptions": "image"}


def adapt(version: Version, body: Json, config: Json, host_config: Json, endpoints: Json) -> list[str]:
    """Make the parts of a request what they are in the newest version; the answer is warnings."""
    _modes(version, body, config, host_config)
    mounts = [mount for mount in host_config.get("Mounts") or () if isinstance(mount, dict)]
    for mount in mounts:
        _mount(version, mount)
    if version < (1, 44) and len(endpoints) > 1:
        raise InvalidArgument(
            f"Container cannot be created with multiple network endpoints: {', '.join(sorted(endpoints))}"
        )
    if version < (1, 48):
        for entry in endpoints.values():
            (entry or {}).pop("GwPriority", None)
    steps = (
        _volume_driver(version, host_config, mounts),
        _hardware_address(version, config, host_config, endpoints),
        _interface_sysctls(version, host_config, endpoints),
        _ports(version, host_config),
    )
    return [warning for step in steps for warning in step]


def _modes(version: Version, body: Json, config: Json, host_config: Json) -> None:
    if version < (1, 40) and not host_config["IpcMode"]:
        host_config["IpcMode"] = "shareable"
    if version == (1, 40) and (body.get("HostConfig") or {}).get("Capabilities"):
        raise InvalidArgument(
            "the HostConfig.Capabilities field is not supported by this daemon; use CapAdd and CapDrop to set "
            "capabilities"
        )
    if version < (1, 42):
        host_config["ConsoleSize"] = [0, 0]
    if version < (1, 43):
        host_config["Annotations"] = None
    if version < (1, 44) and config.get("Healthcheck"):
        config["Healthcheck"].pop("StartInterval", None)


def _mount(version: Version, mount: Json) -> None:
    kind, bind = mount.get("Type"), mount.get("BindOptions") or {}
    for name, owner in _OPTIONS.items():
        if mount.get(name) is not None and kind != owner:
            if version >= (1, 42):
                raise InvalidArgument(f'{name} must not be specified on mount type "{kind}"')
            if name != "BindOptions":
                del mount[name]
    for since, name in (((1, 40), "NonRecursive"), ((1, 42), "CreateMountpoint")):
        if version < since:
            bind.pop(name, None)
    if version < (1, 44) and bind.get("ReadOnlyForceRecursive"):
        raise InvalidArgument("BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer")
    if version < (1, 45) and (mount.get("VolumeOptions") or {}).get("Subpath"):
        raise InvalidArgument("VolumeOptions.Subpath needs API v1.45 or newer")
    if version < (1, 48) and kind == "image":
        raise InvalidArgument('Mount type "Image" needs API v1.48 or newer')


def _volume_driver(version: Version, host_config: Json, mounts: list[Json]) -> Iterator[str]:
    if host_config["VolumeDriver"] and version >= (1, 48):
        drivers = [
            ((mount.get("VolumeOptions") or {}).get("DriverConfig") or {}).get("Name")
            for mount in mounts
            if mount.get("Type") == "volume"
        ]
        if not all(drivers):
            yield (
                "WARNING: the container-wide volume-driver configuration is ignored for volumes specified via 'mount'. "
                "Use '--mount type=volume,volume-driver=...' instead"
            )


def _hardware_address(version: Version, config: Json, host_config: Json, endpoints: Json) -> Iterator[str]:
    """Config.MacAddress is that of the first network: since 1.44 it has a place there."""
    wanted = config.get("MacAddress") or ""
    named = _has_endpoint(host_config["NetworkMode"])
    if version < (1, 44):
        for entry in endpoints.values():
            (entry or {}).pop("MacAddress", None)
        if wanted and not named:
            raise InvalidArgument("conflicting options: mac-address and the network mode")
        if wanted:
            _endpoint(version, host_config, endpoints)["MacAddress"] = wanted
        return
    if not wanted:
        return
    if version >= (1, 52):
        raise InvalidArgument(
            "container-wide MAC address no longer supported; use endpoint-specific MAC address instead"
        )
    if named:
        try:
            entry = _endpoint(version, host_config, endpoints)
        except InvalidArgument as fault:
            raise InvalidArgument(
                f"unable to migrate container-wide MAC address to a specific network: {fault}"
            ) from None
        if (entry.get("MacAddress") or wanted).lower() != wanted.lower():
            raise InvalidArgument(
                "the container-wide MAC address must match the endpoint-specific MAC address for the main network, "
                "or be left empty"
            )
        entry["MacAddress"] = wanted
    yield "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead."


def _has_endpoint(mode: str) -> bool:
    return mode not in ("host", "none") and not mode.startswith("container:")


def _endpoint(version: Version, host_config: Json, endpoints: Json) -> Json:
    """The entry of the mode's network, made where there is none."""
    name = host_config["NetworkMode"]
    if not endpoints:
        endpoints[name] = {}
    elif version < (1, 44):
        name = next(iter(endpoints))
    elif name not in endpoints:
        raise InvalidArgument("HostConfig.NetworkMode must match the identity of a network in NetworkSettings.Networks")
    endpoints[name] = endpoints[name] or {}
    found: Json = endpoints[name]
    return found


def _interface_sysctls(version: Version, host_config: Json, endpoints: Json) -> Iterator[str]:
    """`net.ipv4.conf.eth0.…` cannot be set before there is an eth0: such sysctls belong to the endpoint."""
    sysctls: Json = host_config.get("Sysctls") or {}
    mine = [name for name in sysctls if name.startswith("net.") and _interface(name).startswith("eth")]
    if not mine or not _has_endpoint(host_config["NetworkMode"]):
        return
    if version >= (1, 48):
        raise Fault(
            f"interface specific sysctl setting \"{mine[0]}\" must be supplied using driver option '{_SYSCTLS}'"
        )
    for name in mine:
        if _interface(name) != "eth0":
            raise Fault(
                f"unable to determine network endpoint for sysctl {name}, use driver option '{_SYSCTLS}' to set "
                "per-interface sysctls"
            )
    entry = _endpoint(version, host_config, endpoints)
    moved = ",".join(f"{name.replace('.eth0.', '.IFNAME.', 1)}={sysctls.pop(name)}" for name in mine)
    yield f'Migrated sysctl "{",".join(mine)}" to DriverOpts{{"{_SYSCTLS}":"{moved}"}}.'
    options = entry["DriverOpts"] = dict(entry.get("DriverOpts") or {})
    options[_SYSCTLS] = ",".join(filter(None, (moved, options.get(_SYSCTLS))))


def _interface(sysctl: str) -> str:
    parts = sysctl.split(".", 4)
    return parts[3] if len(parts) == 5 else ""


def _ports(version: Version, host_config: Json) -> Iterator[str]:
    """A port with an empty list of bindings gets a port of the host's choosing."""
    bindings: Json = host_config["PortBindings"] or {}
    empty = [port for port, entries in bindings.items() if not entries]
    for port in empty:
        bindings[port] = [{"HostIp": "", "HostPort": ""}]
    if empty and version >= (1, 52):
        yield (
            f"Following container port(s) have an empty list of port-bindings: {', '.join(empty)}. Such bindings will "
            "be discarded in a future version."
        )
