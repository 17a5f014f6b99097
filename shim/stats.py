"""What a container's cgroup has used, as containerd's Metrics of the host's cgroup version."""

import os

from google.protobuf.message import Message

from shim import cgroups


def collect(membership: str) -> Message | None:
    """The metrics for a process's /proc/PID/cgroup text, None once the cgroup is gone."""
    hierarchies = cgroups.mounted()
    folders = cgroups.folders(hierarchies, membership)
    if not any(os.path.isdir(folder) for folder in folders.values()):
        return None
    if hierarchies.is_v2:
        from shim import stats_v2  # a host needs one of the two, and a shim may never be asked

        return stats_v2.collect(folders[""])
    from shim import stats_v1

    return stats_v1.collect(folders)
