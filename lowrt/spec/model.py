"""Views on a checked config.json: the parts that many files ask for, under short names.

The document itself stays the dict that JSON gave, its types proven by `schema`; nothing is copied out of it.
"""

import os

from lowrt.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

# runtime-spec's name for a namespace: (clone flag, name under /proc/<pid>/ns)
NAMESPACES = {
    "cgroup": (0x02000000, "cgroup"),
    "ipc": (0x08000000, "ipc"),
    "mount": (0x00020000, "mnt"),
    "network": (0x40000000, "net"),
    "pid": (0x20000000, "pid"),
    "time": (0x00000080, "time"),
    "user": (0x10000000, "user"),
    "uts": (0x04000000, "uts"),
}


class SpecError(InvalidArgument):
    """The configuration is wrong, in words for the person who wrote it."""


class Spec:
    """One container's configuration, together with the bundle it came from."""

    __slots__ = ("bundle", "document", "linux", "namespaces", "process", "rootfs")

    def __init__(self, document: "Json", bundle: str) -> None:
        self.document = document
        self.bundle = bundle
        self.process: Json = document.get("process") or {}
        self.linux: Json = document.get("linux") or {}
        # type -> path to join, "" for a new one
        self.namespaces: dict[str, str] = {n["type"]: n.get("path") or "" for n in self.linux.get("namespaces") or ()}
        self.rootfs = _below(bundle, (document.get("root") or {}).get("path") or "")

    @property
    def version(self) -> str:
        return self.document.get("ociVersion") or ""

    @property
    def mounts(self) -> "list[Json]":
        return self.document.get("mounts") or []

    @property
    def hostname(self) -> str:
        return self.document.get("hostname") or ""

    @property
    def domainname(self) -> str:
        return self.document.get("domainname") or ""

    @property
    def annotations(self) -> dict[str, str]:
        return self.document.get("annotations") or {}

    @property
    def hooks(self) -> "Json":
        return self.document.get("hooks") or {}

    @property
    def root_readonly(self) -> bool:
        return bool((self.document.get("root") or {}).get("readonly"))

    @property
    def resources(self) -> "Json":
        return self.linux.get("resources") or {}

    @property
    def sysctl(self) -> dict[str, str]:
        return self.linux.get("sysctl") or {}

    @property
    def seccomp(self) -> "Json | None":
        return self.linux.get("seccomp")

    def has_namespace(self, kind: str) -> bool:
        """New or joined: the container does not share the caller's."""
        return kind in self.namespaces

    def has_new_namespace(self, kind: str) -> bool:
        return self.namespaces.get(kind) == ""

    def host_id(self, container_id: int, kind: str = "uid") -> int | None:
        """The id outside the user namespace, None when it is not mapped."""
        if not self.has_namespace("user"):
            return container_id
        for mapping in self.linux.get(f"{kind}Mappings") or ():
            offset: int = container_id - mapping.get("containerID", 0)
            if 0 <= offset < mapping.get("size", 0):
                return int(mapping.get("hostID", 0)) + offset
        return None


def _below(bundle: str, path: str) -> str:
    return os.path.normpath(os.path.join(bundle, path)) if path else ""
