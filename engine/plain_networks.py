"""Networks without a bridge: none, host and container:<id>; and the files /etc/hosts, /etc/hostname and
/etc/resolv.conf.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.paths import Paths
from proto.errdefs import Conflict, InvalidArgument

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlainPlan:
    """Where a container's packets go."""

    netns: str | None
    files: Mapping[str, str] = field(default_factory=dict)


class PlainNetworks:
    """The networks room of an engine with `--bridge none`."""

    def __init__(self, paths: Paths, pid_of: Callable[[str], int]) -> None:
        self._paths = paths
        self._pid_of = pid_of

    async def check(self, config: Json, host_config: Json, endpoints: Json) -> None:
        """Only the modes that need no bridge."""
        mode = host_config["NetworkMode"]
        if mode in ("none", "host", "default") or mode.startswith("container:"):
            return
        raise InvalidArgument(f"network {mode} not found")

    async def allocate(self, container_id: str, config: Json, host_config: Json, endpoints: Json) -> PlainPlan:
        """Write the files; the namespace is the host's, another container's, or of the runtime's making."""
        mode = host_config["NetworkMode"]
        if mode.startswith("container:"):
            other = mode.removeprefix("container:")
            pid = self._pid_of(other)
            if not pid:
                raise Conflict(f"cannot join network of a non running container: {other}")
            return PlainPlan(f"/proc/{pid}/ns/net", self._files(other))
        files = self._paths.container(container_id)
        if mode == "host":
            _write(files.hosts, _read("/etc/hosts"))
            _write(files.resolv_conf, _read("/etc/resolv.conf"))
        else:
            _write(files.hosts, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
            _write(files.resolv_conf, "")
        _write(files.hostname, config["Hostname"] + "\n")
        return PlainPlan("host" if mode == "host" else None, self._files(container_id))

    def _files(self, container_id: str) -> Json:
        files = self._paths.container(container_id)
        return {"/etc/hosts": files.hosts, "/etc/hostname": files.hostname, "/etc/resolv.conf": files.resolv_conf}

    async def release(self, container_id: str) -> None:
        """Nothing is held."""

    def settings(self, container_id: str, host_config: Json, endpoints: Json) -> Json:
        """NetworkSettings."""
        return {"Ports": {}, "Networks": {}}


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.chmod(path, 0o644)
