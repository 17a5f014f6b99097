"""What the daemon itself uses."""

import os
import time

from supervisor.metrics import process


def test_the_process_is_told_in_the_usual_names() -> None:
    """With its build."""
    found = {family.name: family.samples[0] for family in process.families("1", "r")}
    assert found["containerd_build_info_total"] == ({"version": "1", "revision": "r"}, 1)
    assert 0 <= time.time() - found["process_start_time_seconds"][1] < 86400 * 365
    assert found["process_resident_memory_bytes"][1] > 1 << 20
    assert abs(found["process_open_fds"][1] - len(os.listdir("/proc/self/fd"))) < 3
