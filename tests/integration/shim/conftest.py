"""A tree for containers, and a clean end for whatever a failed test has left."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.shim_process import NAMESPACE, ShimProcess, busybox_tree, spec

CGROUPS = Path("/sys/fs/cgroup")


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Busybox."""
    return busybox_tree(tmp_path_factory.mktemp("tree") / "fs")


@pytest.fixture
def shim(tmp_path: Path, tree: Path) -> Iterator[Callable[..., ShimProcess]]:
    """Makes shims with a container of the given command; cleans up behind those that a failure left."""
    made: list[ShimProcess] = []

    def make(name: str, *args: str, **linux: object) -> ShimProcess:
        container_id = f"{name}-{os.getpid()}"
        made.append(ShimProcess(tmp_path, tree, container_id, spec(container_id, *args, **linux)))
        return made[-1]

    yield make
    for process in made:
        if process.pid and Path(f"/proc/{process.pid}").exists():
            os.kill(process.pid, signal.SIGKILL)
        if process.address and Path(process.address.removeprefix("unix://")).exists():
            Path(process.address.removeprefix("unix://")).unlink()
        if str(process.bundle) in Path("/proc/self/mountinfo").read_text():
            process.program("delete")
            subprocess.run(["umount", "-l", str(process.bundle / "rootfs")], check=False, capture_output=True)
    shutil.rmtree(f"/run/containerd/runc/{NAMESPACE}", ignore_errors=True)
    for folder in [*CGROUPS.glob(f"*/wherry-test-shim-{os.getpid()}"), CGROUPS / f"wherry-test-shim-{os.getpid()}"]:
        if folder.exists():
            folder.rmdir()
