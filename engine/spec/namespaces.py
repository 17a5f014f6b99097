"""Which namespaces a container has for itself, shares with the host, or joins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Joined:
    """What was looked up: the network namespace, and the pids of containers whose namespaces are joined."""

    network: str | None = None  # a path, "host", or None for a new one
    pids: Mapping[str, int] = field(default_factory=dict)  # "ipc", "pid" → the other container's init
    user: str = ""  # the path of the user namespace that was made for it


def namespaces(host_config: Json, joined: Joined, *, cgroup_private: bool) -> list[Json]:
    """The spec's list; a namespace that is not in it is the host's."""
    done: list[Json] = [{"type": "mount"}]
    if joined.user:
        done.append({"type": "user", "path": joined.user})
    if joined.network != "host":
        done.append({"type": "network", "path": joined.network} if joined.network else {"type": "network"})
    if host_config["UTSMode"] != "host":
        done.append({"type": "uts"})
    for kind, mode in (("pid", host_config["PidMode"]), ("ipc", host_config["IpcMode"])):
        if mode.startswith("container:"):
            done.append({"type": kind, "path": f"/proc/{joined.pids[kind]}/ns/{kind}"})
        elif mode != "host":
            done.append({"type": kind})
    if cgroup_private:
        done.append({"type": "cgroup"})
    return done


def sysctls(host_config: Json, joined: Joined) -> dict[str, str]:
    """The client's, on top of what lets an unprivileged process bind low ports and ping in a network of its own."""
    asked = host_config.get("Sysctls") or {}
    if joined.network == "host" or host_config["NetworkMode"].startswith("container:"):
        return dict(asked)
    defaults = {"net.ipv4.ip_unprivileged_port_start": "0"}
    if not joined.user:  # groups that are not mapped cannot be named
        defaults["net.ipv4.ping_group_range"] = "0 2147483647"
    return defaults | asked
