"""Which fields of the API's answers are there in which versions: since, and until (the last that has it).

From the version history and the per-version descriptions of the Engine API
(https://github.com/moby/moby/tree/master/api/docs), and from dockerd, of which the same questions are asked. A path's
parts are keys; `*` is any key or element of what stands there. Fields that were there before 1.24 and still are need
no line.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

OLDEST, NEWEST = 24, 56


@dataclass(frozen=True, slots=True)
class Line:
    """One field of one endpoint."""

    endpoint: str
    field: str
    since: int = OLDEST
    until: int = NEWEST

    def __str__(self) -> str:
        return f"{self.endpoint}.{self.field}"


_SETTINGS = (
    "Bridge", "HairpinMode", "LinkLocalIPv6Address", "LinkLocalIPv6PrefixLen", "SecondaryIPAddresses",
    "SecondaryIPv6Addresses", "EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress",
    "IPPrefixLen", "IPv6Gateway", "MacAddress",
)  # fmt: skip
_IMAGE_CONFIG_OLD = (
    "Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce", "Image",
)  # fmt: skip

LINES = (
    Line("info", "Containerd", since=46),
    Line("info", "RegistryConfig.AllowNondistributableArtifactsCIDRs", until=46),
    Line("info", "RegistryConfig.AllowNondistributableArtifactsHostnames", until=46),
    Line("info", "RuncCommit.Expected", until=48),
    Line("info", "FirewallBackend", since=49),
    Line("info", "BridgeNfIptables", until=49),
    Line("info", "BridgeNfIp6tables", until=49),
    Line("info", "KernelMemoryTCP", until=51),
    Line("df", "Images.*.VirtualSize", until=43),
    Line("df", "ImageUsage", since=52),
    Line("df", "ContainerUsage", since=52),
    Line("images", "*.VirtualSize", until=43),
    Line("image", "VirtualSize", until=43),
    Line("image", "ContainerConfig", until=44),
    Line("image", "Descriptor", since=48),
    Line("images", "*.Descriptor", since=48),
    Line("images", "*.Manifests", since=47),
    Line("image", "Manifests", since=48),
    Line("image", "GraphDriver", until=51),
    Line("image", "Parent", until=51),
    Line("image", "Comment", until=51),
    Line("image", "DockerVersion", until=51),
    Line("image", "Author", until=51),
    *(Line("image", f"Config.{name}", until=49) for name in _IMAGE_CONFIG_OLD),
    *(Line("image", f"Config.{name}", until=51) for name in ("Entrypoint", "Labels", "OnBuild", "Volumes", "User")),
    Line("containers", "*.HostConfig.Annotations", since=46),
    Line("containers", "*.ImageManifestDescriptor", since=48),
    Line("containers", "*.Health", since=52),
    *(Line("container", f"NetworkSettings.{name}", until=51) for name in _SETTINGS),
    Line("container", "ImageManifestDescriptor", since=48),
    Line("container", "GraphDriver", until=51),
    Line("container", "Storage", since=52),
    Line("container", "Config.OnBuild", until=51),
    Line("event", "status", until=51),
    Line("event", "id", until=51),
    Line("event", "from", until=51),
    Line("network", "Status", since=52),
    Line("stats", "os_type", since=52),
)


def present(document: Any, field: str) -> bool:
    """Is the field anywhere in the document."""
    return any(True for _ in _find(document, field.split(".")))


def _find(document: Any, parts: list[str]) -> Iterator[Any]:
    if not parts:
        yield document
        return
    if parts[0] == "*":
        below = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
        for one in below:
            yield from _find(one, parts[1:])
    elif isinstance(document, dict) and parts[0] in document:
        yield from _find(document[parts[0]], parts[1:])
