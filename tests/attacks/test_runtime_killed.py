"""SIGKILL between two system calls of `create`: whatever is left then, `delete --force` removes whole.

strace(1) is the failpoint: it stops the program at the n-th call of a kind and kills it there.
"""

import json
import re
import subprocess
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from tests import needs
from tests.contract.oci_runtime import Bundles, Runtime, is_running
from tests.integration.lowrt.environment import cgroup_folders

pytestmark = [needs.root, needs.binary("busybox"), needs.binary("strace")]

MOMENTS = 36
_CALL = re.compile(r"(\w+)\(")


def traced(lowrt: Runtime, options: list[str], bundle: str, name: str) -> int:
    """Run `create` under strace; its exit status."""
    command = ["strace", "-q", *options, *lowrt.argv("create", "-b", bundle, name)]
    null = subprocess.DEVNULL
    return subprocess.run(command, check=False, stdin=null, stdout=null, stderr=null, timeout=120).returncode


def boundaries(lowrt: Runtime, bundle: str) -> list[tuple[str, int]]:
    """(call, its number among its kind) of each call from the first that leaves something behind."""
    trace = lowrt.root / "trace"
    for _ in range(2):  # the first may compile modules, and count other calls than those that follow
        assert traced(lowrt, ["-o", str(trace)], bundle, "whole") == 0
        assert lowrt("delete", "--force", "whole").code == 0
    seen: Counter[str] = Counter()
    calls, begun = [], False
    for line in trace.read_text(errors="replace").splitlines():
        found = _CALL.match(line)
        if found is None or found[1] == "exit_group":
            continue
        seen[found[1]] += 1
        begun = begun or line.startswith(f'mkdir("{lowrt.root}/state/whole"')
        if begun:
            calls.append((found[1], seen[found[1]]))
    return calls


@pytest.fixture
def cgroup() -> str:
    return f"/wherry-killed-{uuid.uuid4().hex[:12]}"


def test_between_any_two_calls(lowrt: Runtime, bundles: Bundles, cgroup: str) -> None:
    bundle = bundles(change=lambda document: document["linux"].update(cgroupsPath=cgroup))
    calls = boundaries(lowrt, bundle)
    assert len(calls) > 150
    killed = 0
    for moment in range(MOMENTS):
        call, number = calls[(moment * 2 + 1) * len(calls) // (MOMENTS * 2)]
        name = f"c{moment}"
        status = traced(lowrt, ["-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={number}"], bundle, name)
        killed += status != 0
        where = f"{call} number {number}"
        pid = recorded_pid(lowrt.root / "state" / name)
        assert lowrt("delete", "--force", name).code == 0, where
        ends(pid, where)
        assert not (lowrt.root / "state" / name).exists(), where
        assert not cgroup_folders(cgroup), where
    assert killed


def recorded_pid(folder: Path) -> int:
    try:
        return int(json.loads((folder / "state.json").read_text())["init"]["pid"])
    except FileNotFoundError:
        return 0


def ends(pid: int, where: str) -> None:
    deadline = time.monotonic() + 60
    while pid and is_running(pid):
        assert time.monotonic() < deadline, f"init lives on after {where}"
        time.sleep(0.01)
