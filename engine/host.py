"""Looks at the host once: machine, kernel, cgroup layout, what capabilities there are to give."""

import os
import platform
import re

from engine.spec import apparmor, capabilities
from engine.spec.build import Host


def look() -> Host:
    """The host as specs need to know it."""
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    kernel = (int(found.group(1)), int(found.group(2))) if found else (4, 8)
    return Host(
        machine=platform.machine(),
        kernel=kernel,
        cgroup_v2=os.path.exists("/sys/fs/cgroup/cgroup.controllers"),
        capabilities=capabilities.from_mask(bounding_set()),
        seccomp=os.path.exists("/proc/sys/kernel/seccomp/actions_avail"),
        apparmor=apparmor.is_enabled(),
    )


def bounding_set() -> int:
    """Our own: nobody can be given more."""
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("CapBnd:"):
                return int(line.split()[1], 16)
    return (1 << len(capabilities.ALL)) - 1
