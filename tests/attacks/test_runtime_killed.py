"""SIGKILL between two system calls of a command: what is left of `create` and `run`, `delete --force` removes whole;

`exec`, `update` and `delete` can be asked once more. WHERRY_MOMENTS=N kills at as many calls of each.

strace(1) is the failpoint: it stops the program at the n-th call of a kind and kills it there.
"""

import json
import os
import re
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.contract.oci_runtime import Bundles, Runtime, is_running
from tests.integration.lowrt.environment import cgroup_folders

pytestmark = [needs.root, needs.binary("busybox"), needs.binary("strace")]

MOMENTS = int(os.environ.get("WHERRY_MOMENTS", "36"))
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


# Killed before one of these or after it, a command leaves the same.
_LOOKS = {"newfstatat", "fstat", "lseek", "ioctl", "read", "pread64", "readlink", "statx", "getdents64", "mmap", "brk"}


def killed_at(lowrt: Runtime, words: list[str], whole: list[list[str]], moments: int) -> Iterator[str]:
    """Kill the command at so many of its calls, in turn; where it was. `whole` is asked around a first, whole one."""
    trace = lowrt.root / "trace"
    for _ in range(2):
        assert run_traced(lowrt, ["-o", str(trace)], words) == 0
        for after in whole:
            assert lowrt(*after).code == 0, after
    seen: Counter[str] = Counter()
    calls: list[tuple[str, int]] = []
    begun = False
    for line in trace.read_text(errors="replace").splitlines():
        found = _CALL.match(line)
        if found is None or found[1] == "exit_group":
            continue
        seen[found[1]] += 1
        begun = begun or f'"{lowrt.root}/state/c1' in line
        if begun and found[1] not in _LOOKS:
            calls.append((found[1], seen[found[1]]))
    assert len(calls) > moments // 2
    moments = min(int(os.environ.get("WHERRY_MOMENTS", moments)), len(calls))
    killed = 0
    for moment in range(moments):
        call, number = calls[(moment * 2 + 1) * len(calls) // (moments * 2)]
        inject = f"inject={call}:signal=KILL:when={number}"
        killed += run_traced(lowrt, ["-o", "/dev/null", "-e", inject], words) != 0
        yield f"{call} number {number}"
    assert killed  # not each time: how often it waits is another matter in each run


def run_traced(lowrt: Runtime, options: list[str], words: list[str]) -> int:
    null = subprocess.DEVNULL
    command = ["strace", "-q", *options, *lowrt.argv(*words)]
    return subprocess.run(command, check=False, stdin=null, stdout=null, stderr=null, timeout=120).returncode


def test_run_between_any_two_calls(lowrt: Runtime, bundles: Bundles, cgroup: str) -> None:
    bundle = bundles(change=lambda document: document["linux"].update(cgroupsPath=cgroup))
    delete = ["delete", "--force", "c1"]
    for where in killed_at(lowrt, ["run", "--detach", "-b", bundle, "c1"], [delete], 16):
        pid = recorded_pid(lowrt.root / "state" / "c1")
        assert lowrt(*delete).code == 0, where
        ends(pid, where)
        assert not (lowrt.root / "state" / "c1").exists(), where
        assert not cgroup_folders(cgroup), where


def test_exec_between_any_two_calls(lowrt: Runtime, bundles: Bundles, cgroup: str) -> None:
    """Its process either never was, or runs its program; the container knows nothing of it."""
    bundle = bundles(change=lambda document: document["linux"].update(cgroupsPath=cgroup))
    assert lowrt("run", "--detach", "-b", bundle, "c1").code == 0
    init = lowrt.state("c1")["pid"]
    for where in killed_at(lowrt, ["exec", "c1", "true"], [], 16):
        alone(cgroup, init, where)
        again = lowrt("exec", "c1", "echo", "in")
        assert (again.code, again.out) == (0, "in\n"), where
        assert lowrt.state("c1")["status"] == "running", where


def test_update_between_any_two_calls(lowrt: Runtime, bundles: Bundles, cgroup: str) -> None:
    """Each limit is the old one or the new one, and can be set again."""
    bundle = bundles(change=lambda document: document["linux"].update(cgroupsPath=cgroup))
    assert lowrt("run", "--detach", "-b", bundle, "c1").code == 0
    new = ["update", "--pids-limit", "40", "--cpu-share", "300", "--memory", "64m", "c1"]
    old = ["update", "--pids-limit", "30", "--cpu-share", "200", "--memory", "32m", "c1"]
    for where in killed_at(lowrt, new, [old], 12):
        limits = limits_of(lowrt)
        assert all(value in pair for value, pair in zip(limits, BOTH, strict=True)), (where, limits)
        assert lowrt.state("c1")["status"] == "running", where
        assert lowrt(*new).code == 0, where
        assert limits_of(lowrt) == [pair[1] for pair in BOTH], where
        assert lowrt(*old).code == 0, where


def test_delete_between_any_two_calls(lowrt: Runtime, bundles: Bundles, cgroup: str) -> None:
    bundle = bundles(change=lambda document: document["linux"].update(cgroupsPath=cgroup))
    run = ["run", "--detach", "-b", bundle, "c1"]
    delete = ["delete", "--force", "c1"]
    assert lowrt(*run).code == 0
    for where in killed_at(lowrt, delete, [run], 16):
        assert lowrt(*delete).code == 0, where
        assert not (lowrt.root / "state" / "c1").exists(), where
        assert not cgroup_folders(cgroup), where
        assert lowrt(*run).code == 0, where


BOTH = (("30", "40"), (str(32 << 20), str(64 << 20)))


def limits_of(lowrt: Runtime) -> list[str]:
    data = json.loads(lowrt("events", "--stats", "c1").out)["data"]
    return [str(data["pids"]["limit"]), str(data["memory"]["usage"]["limit"])]


def alone(cgroup: str, init: int, where: str) -> None:
    """What was on its way in is gone, or has done what it was to do."""
    deadline = time.monotonic() + 60
    folder = next(iter(cgroup_folders(cgroup).values()))
    while (pids := (folder / "cgroup.procs").read_text().split()) != [str(init)]:
        assert time.monotonic() < deadline, (where, pids)
        time.sleep(0.01)


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
