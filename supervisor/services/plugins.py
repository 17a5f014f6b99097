"""The list of plugins: what containerd calls the parts that this daemon has."""

import os
from collections.abc import Mapping

from proto.errdefs import Fault
from supervisor.core.digests import Platform
from supervisor.core.plugins import Plugin

CONTENT = "io.containerd.content.v1"
DIFF = "io.containerd.differ.v1"
EVENT = "io.containerd.event.v1"
GC = "io.containerd.gc.v1"
GRPC = "io.containerd.grpc.v1"
LEASE = "io.containerd.lease.v1"
METADATA = "io.containerd.metadata.v1"
RUNTIME = "io.containerd.runtime.v2"
SANDBOX_CONTROLLER = "io.containerd.sandbox.controller.v1"
SANDBOX_STORE = "io.containerd.sandbox.store.v1"
SHIM = "io.containerd.shim.v1"
SNAPSHOTTER = "io.containerd.snapshotter.v1"
STREAMING = "io.containerd.streaming.v1"
TRANSFER = "io.containerd.transfer.v1"
TTRPC = "io.containerd.ttrpc.v1"

_ARCHITECTURES = {"x86_64": ("amd64", ""), "aarch64": ("arm64", "v8"), "armv7l": ("arm", "v7"), "i686": ("386", "")}


def host_platform() -> Platform:
    """The platform of this machine in OCI's names."""
    machine = os.uname().machine
    architecture, variant = _ARCHITECTURES.get(machine, (machine, ""))
    return Platform("linux", architecture, variant)


def base_plugins(
    snapshotter_roots: Mapping[str, str],
    gc_exports: Mapping[str, str],
    unsupported: Mapping[str, Fault] | None = None,
    capabilities: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Plugin]:
    """What this room has; the composition root adds the services it registers (`grpc_plugin`) and the rest.

    A snapshotter that this host does not support is listed with the reason.
    """
    reasons, able = unsupported or {}, capabilities or {}
    here = (host_platform(),)
    return [
        Plugin(CONTENT, "content"),
        Plugin(EVENT, "exchange"),
        *(
            Plugin(
                SNAPSHOTTER,
                name,
                platforms=here,
                capabilities=able.get(name, ()),
                exports={"root": root},
                error=reasons.get(name),
            )
            for name, root in sorted(snapshotter_roots.items())
        ),
        Plugin(METADATA, "sqlite", requires=(CONTENT, EVENT, SNAPSHOTTER), exports={"policy": "shared"}),
        Plugin(GC, "scheduler", requires=(METADATA,), exports=dict(gc_exports)),
        Plugin(LEASE, "manager", requires=(METADATA, GC)),
    ]


def grpc_plugin(service: str) -> Plugin:
    """A gRPC service, from its full name: `containerd.services.images.v1.Images` is `io.containerd.grpc.v1 images`."""
    parts = service.split(".")
    return Plugin(GRPC, parts[2] if service.startswith("containerd.services.") else parts[-1].lower())
