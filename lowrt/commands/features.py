"""features: what this runtime can do, as the specification's features document."""

import os

from lowrt import hooks
from lowrt.argv import Grammar
from lowrt.jsontext import dumps
from lowrt.linux.caps import NAMES
from lowrt.linux.namespaces import FLAGS
from lowrt.seccomp import profile
from lowrt.spec import memory_policy
from lowrt.spec.mount_options import known_options
from lowrt.version import SPEC_VERSION, SPEC_VERSION_MIN, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.argv import Values
    from lowrt.cli import Context

    Json = dict[str, Any]

GRAMMAR = Grammar("show the enabled features", arguments="", count=(0, 0))

# runc's name: those who ask whether a runtime can checkpoint ask by it.
CHECKPOINT_ANNOTATION = "org.opencontainers.runc.checkpoint.enabled"

_HOOKS = [
    hooks.PRESTART,
    hooks.CREATE_RUNTIME,
    hooks.CREATE_CONTAINER,
    hooks.START_CONTAINER,
    hooks.POSTSTART,
    hooks.POSTSTOP,
]


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    del context, options, arguments
    os.write(1, dumps(features(), "    ").encode() + b"\n")
    return 0


def features() -> "Json":
    """The document."""
    return {
        "ociVersionMin": SPEC_VERSION_MIN,
        "ociVersionMax": SPEC_VERSION,
        "hooks": _HOOKS,
        "mountOptions": known_options(),
        "linux": {
            "namespaces": sorted(FLAGS),
            "capabilities": list(NAMES),
            "cgroup": {"v1": True, "v2": True, "systemd": True, "systemdUser": True, "rdma": True},
            "seccomp": {
                "enabled": True,
                "actions": sorted(profile.ACTIONS),
                "operators": sorted(profile.OPERATORS),
                "archs": sorted(profile.ARCHITECTURES),
                "knownFlags": list(profile.FLAGS),
                "supportedFlags": list(profile.FLAGS),
            },
            "apparmor": {"enabled": True},
            "selinux": {"enabled": True},
            "intelRdt": {"enabled": False},
            "netDevices": {"enabled": True},
            "memoryPolicy": {"modes": sorted(memory_policy.MODES), "flags": sorted(memory_policy.FLAGS)},
            "mountExtensions": {"idmap": {"enabled": True}},
        },
        # What a careless caller must not copy from strangers; others are ignored.
        "potentiallyUnsafeConfigAnnotations": ["org.systemd.property.", "org.criu.config"],
        "annotations": {"io.wherry.lowrt.version": VERSION, CHECKPOINT_ANNOTATION: "true"},
    }
