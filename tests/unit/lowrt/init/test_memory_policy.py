"""The kernel takes the policy, or says why not."""

import os
from pathlib import Path
from typing import Any

import pytest

from lowrt.errors import Fault
from lowrt.init import memory_policy

NUMA = Path("/proc/self/numa_maps").exists()


def applied(document: dict[str, Any] | None) -> str:
    """What numa_maps says of a child that has the policy; a Fault's words where it has not."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            memory_policy.apply(document)
            os.write(writing, Path("/proc/self/numa_maps").read_bytes().split(b"\n")[0])
        except Fault as fault:
            os.write(writing, str(fault).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return text


@pytest.mark.skipif(not NUMA, reason="needs a kernel with NUMA")
def test_a_policy_holds() -> None:
    assert " default " in applied(None)
    assert " bind" in applied({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]})


@pytest.mark.skipif(not NUMA, reason="needs a kernel with NUMA")
def test_what_the_kernel_refuses_is_told() -> None:
    assert applied({"mode": "MPOL_BIND"}) == "unable to set memory policy: invalid argument"
