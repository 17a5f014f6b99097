"""What `docker info` tells of the engine, its host and its containers."""

import os
import platform
import secrets
import socket
from typing import Any

from engine import __version__, timestamps
from engine.containers.programs import FEATURES, Below, Program
from engine.containers.room import Room
from engine.images.hosts import check_mirror, networks
from engine.spec import cdi

Json = dict[str, Any]


def engine_id(room: Room) -> str:
    """Made once, kept in the data root."""
    path = room.paths.engine_id
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        made = secrets.token_hex(16)
        made = f"{made[:8]}-{made[8:12]}-{made[12:16]}-{made[16:20]}-{made[20:]}"
        with open(path, "x", encoding="ascii") as file:
            file.write(made)
        return made


_UNSEEN = Below()


def info(room: Room, images: int, below: Below = _UNSEEN) -> Json:
    """`GET /info`; `below` is what was seen of the programs that the engine is built on."""
    return (
        {"ID": engine_id(room)}
        | _counts(room, images)
        | _drivers(room)
        | _limits(room)
        | _host(room)
        | _daemon(room)
        | _below(room, below)
        | {"RegistryConfig": _registries(room), "Swarm": dict(_NO_SWARM), "Warnings": None}
    )


def _counts(room: Room, images: int) -> Json:
    states = [live.container.state for live in room.registry]
    running = sum(state.status in ("running", "restarting") for state in states)
    paused = sum(state.status == "paused" for state in states)
    return {
        "Containers": len(states),
        "ContainersRunning": running,
        "ContainersPaused": paused,
        "ContainersStopped": len(states) - running - paused,
        "Images": images,
    }


def _drivers(room: Room) -> Json:
    return {
        "Driver": room.supervisor.snapshots.snapshotter,
        "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
        "Plugins": {
            "Volume": ["local"],
            "Network": ["bridge", "host", "null"],
            "Authorization": None,
            "Log": ["json-file", "local", "none"],
        },
        "LoggingDriver": room.config.log_driver,
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": "2" if room.host.cgroup_v2 else "1",
    }


def _host(room: Room) -> Json:
    return {
        "OomKillDisable": not room.host.cgroup_v2,
        "SystemTime": timestamps.now(),
        "KernelVersion": platform.release(),
        "OperatingSystem": operating_system(),
        "OSVersion": os_release().get("VERSION_ID", ""),
        "OSType": "linux",
        "Architecture": platform.machine(),
        "NCPU": os.cpu_count() or 1,
        "MemTotal": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "Name": socket.gethostname(),
        "SecurityOptions": _security(room),
    }


def _security(room: Room) -> list[str]:
    found = {
        "name=apparmor": room.host.apparmor,
        "name=seccomp,profile=builtin": True,
        "name=selinux": room.labeller is not None,
        "name=userns": room.remap is not None,
        "name=cgroupns": room.host.cgroup_v2,
        "name=no-new-privileges": room.config.no_new_privileges,
    }
    return [name for name, is_so in found.items() if is_so]


def _daemon(room: Room) -> Json:
    return {
        "Debug": room.config.debug,
        "NFd": len(os.listdir("/proc/self/fd")),
        "NGoroutines": 1,
        "NEventsListener": room.bus.listeners,
        "DockerRootDir": room.config.data_root,
        "Labels": list(room.config.labels),
        "ExperimentalBuild": room.config.experimental,
        "ServerVersion": __version__,
        "DefaultRuntime": room.runtimes.default,
        "LiveRestoreEnabled": room.config.live_restore,
        "Isolation": "",
        "InitBinary": room.policy.init_path,
        "Containerd": {
            "Address": room.supervisor_address,
            "Namespaces": {"Containers": room.supervisor_namespace, "Plugins": ""},
        },
        "CDISpecDirs": list(room.config.cdi_spec_dirs),
        "DiscoveredDevices": [
            {"Source": "cdi", "ID": name} for name in sorted(cdi.load(room.config.cdi_spec_dirs).devices)
        ],
        "FirewallBackend": {"Driver": "nftables" if room.config.iptables else "none"},
        "GenericResources": None,
        "HttpProxy": "",
        "HttpsProxy": "",
        "NoProxy": "",
    }


def _below(room: Room, below: Below) -> Json:
    pools = [{"Base": pool["base"], "Size": pool["size"]} for pool in room.config.default_address_pools]
    return {
        "ContainerdCommit": _commit(below.supervisor),
        "RuncCommit": _commit(below.runtime),
        "InitCommit": _commit(below.init),
        "Runtimes": {
            name: entry | ({"status": {FEATURES: below.features[name]}} if name in below.features else {})
            for name, entry in room.runtimes.to_info().items()
        },
        **({"DefaultAddressPools": pools} if pools else {}),
    }


def _commit(program: Program | None) -> Json:
    return {"ID": program.id if program is not None else "N/A"}


_NO_SWARM: Json = {
    "NodeID": "",
    "NodeAddr": "",
    "LocalNodeState": "inactive",
    "ControlAvailable": False,
    "Error": "",
    "RemoteManagers": None,
}


def _registries(room: Room) -> Json:
    insecure, mirrors = room.config.insecure_registries, [check_mirror(text) for text in room.config.registry_mirrors]
    hub = {"Name": "docker.io", "Mirrors": mirrors, "Secure": True, "Official": True}
    return {
        "InsecureRegistryCIDRs": ["::1/128", "127.0.0.0/8", *map(str, networks(insecure))],
        "IndexConfigs": {"docker.io": hub}
        | {
            host: {"Name": host, "Mirrors": [], "Secure": False, "Official": False}
            for host in insecure
            if "/" not in host
        },
        "Mirrors": mirrors or None,
    }


def _limits(room: Room) -> Json:
    names = (
        "MemoryLimit",
        "SwapLimit",
        "CpuCfsPeriod",
        "CpuCfsQuota",
        "CPUShares",
        "CPUSet",
        "PidsLimit",
        "IPv4Forwarding",
    )
    return dict.fromkeys(names, True) | {"IndexServerAddress": "https://index.docker.io/v1/"}


def os_release() -> dict[str, str]:
    """The host's /etc/os-release."""
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def operating_system() -> str:
    """Its pretty name."""
    return os_release().get("PRETTY_NAME", "Linux")
