"""The cgroup tests once more, on pure v2: inside a User-Mode Linux kernel, which boots as a process in seconds."""

import subprocess
from pathlib import Path

import pytest

from tests import needs

pytestmark = [needs.root, needs.binary("linux.uml"), needs.binary("busybox")]

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[2]


def boot(suite: list[str], timeout: float) -> str:
    """Run test files in the kernel; everything it printed."""
    command = [
        "linux.uml",
        "mem=768M",
        "root=/dev/root",
        "rootfstype=hostfs",
        "rootflags=/",
        "rw",
        f"init={HERE / 'uml_cgroup2.sh'}",
        "con=null",
        "con0=fd:0,fd:1",
        "quiet",
        f"PROJECT={PROJECT}",
        f"SUITE={','.join(suite)}",
    ]
    # Its own session: the kernel is several processes, and they must all go if the time is up.
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            subprocess.run(["kill", "-KILL", f"-{process.pid}"], check=False)
            output, _ = process.communicate()
            pytest.fail(f"the kernel did not end in {timeout} s:\n{output}")
    return output


def test_the_cgroup_suite_passes_on_pure_v2() -> None:
    if not (PROJECT / ".venv" / "bin" / "python").exists():
        pytest.skip("needs the project's own .venv, which the kernel's init runs")
    folder = HERE.relative_to(PROJECT)
    output = boot([f"{folder}/test_cgroup.py", f"{folder}/test_cgroup2.py"], timeout=120)
    assert "SUITE ENDED WITH 0" in output, output
    assert "passed" in output
