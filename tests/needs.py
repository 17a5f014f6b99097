"""What a test needs of the machine, declared: `@needs.root`, `@needs.binary("runc")`; a skip names what is missing."""

import os
import shutil
from pathlib import Path

import pytest

PEERS = Path(__file__).resolve().parent.parent.parent / "shared" / "peers"


def _skip(condition: bool, reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(condition, reason=reason)


root = _skip(os.geteuid() != 0, "needs root")
cgroup1 = _skip(not Path("/sys/fs/cgroup/memory/tasks").exists(), "needs cgroup v1 controllers")
cgroup2 = _skip(
    "memory"
    not in (
        Path("/sys/fs/cgroup/cgroup.controllers").read_text()
        if Path("/sys/fs/cgroup/cgroup.controllers").exists()
        else ""
    ),
    "needs a pure cgroup v2 host: runs inside test_uml.py",
)
systemd = _skip(not Path("/run/systemd/system").is_dir(), "needs systemd as init: runs inside test_uml.py")
uml = _skip("User Mode Linux" not in Path("/proc/cpuinfo").read_text(), "changes its machine: runs inside test_uml.py")
overlay = _skip("overlay" not in Path("/proc/filesystems").read_text(), "needs overlayfs")
peers = _skip(not (PEERS / "setup").exists(), "needs ../shared/peers")


def binary(name: str) -> pytest.MarkDecorator:
    """The program must be in PATH."""
    return _skip(shutil.which(name) is None, f"needs {name} in PATH")
