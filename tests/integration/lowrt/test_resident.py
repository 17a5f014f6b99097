"""exec by a parent that lives on: the container's process is what the command line's exec makes, and the parent stays
as it was.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lowrt.init import row
from tests import needs
from tests.integration.lowrt.environment import LOWRT, Bundle

pytestmark = [needs.root, needs.binary("busybox")]

Json = dict[str, Any]

DRIVER = Path(__file__).with_name("resident_driver.py")
_STATUS = "Name|Umask|State|Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Sig[PBIC]|Cpus_allowed_list"
LOOK = (
    f"cat /proc/self/status | grep -E '^({_STATUS})';"
    "cat /proc/self/cgroup /proc/self/limits /proc/self/oom_score_adj /proc/self/mountinfo;"
    "ls -l /proc/self/ns | grep -o '[a-z_]*:.[0-9]*.$';"
    "ls /proc/self/fd; echo $HOME; cat /proc/self/environ"
)


def document(script: str, **changes: object) -> Json:
    """A process."""
    capabilities = {kind: ["CAP_KILL", "CAP_CHOWN"] for kind in ("bounding", "effective", "permitted")}
    head = {"args": ["sh", "-c", script], "cwd": "/", "env": ["PATH=/bin", "A=b"], "user": {"uid": 0, "gid": 0}}
    return {**head, "capabilities": capabilities, **changes}


def by_resident(root: Path, name: str, *documents: Json, sharing: bool = False) -> Json:
    """What the driver says."""
    given = json.dumps({"root": str(root), "id": name, "documents": documents, "sharing": sharing})
    done = subprocess.run(
        [sys.executable, "-IS", str(DRIVER)], input=given, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: Json = json.loads(done.stdout)
    return answer


def by_command(root: Path, name: str, wanted: Json, folder: Path) -> "subprocess.CompletedProcess[str]":
    """The command line's exec."""
    (folder / "process.json").write_text(json.dumps(wanted))
    words = ["--root", str(root), "exec", "--process", str(folder / "process.json"), name]
    return subprocess.run(
        [*LOWRT, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("sharing", [False, True], ids=["forked", "sharing"])
def test_the_process_is_what_the_command_lines_exec_makes_and_the_parent_stays_as_it_was(
    bundle: Bundle, sharing: bool
) -> None:
    """Identity, limits, cgroup, namespaces, descriptors; with a filter, with another user, and with neither."""
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdirat", "mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}],
    }
    bundle.config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 100}]
    looks = [
        document(LOOK),
        document(LOOK, user={"uid": 7, "gid": 8, "additionalGids": [9], "umask": 0o077}, cwd="/tmp"),
        document(LOOK, noNewPrivileges=True, rlimits=[{"type": "RLIMIT_CORE", "soft": 1, "hard": 2}]),
        document("mkdir /tmp/x"),
        document("exit 7"),
    ]
    if sharing:  # what has no home goes the other way
        looks += [{**look, "env": ["PATH=/none:/bin", "HOME=/h"]} for look in looks]
    with bundle.running() as container:
        root, name = bundle.path / "state", container.name
        answer = by_resident(root, name, *looks, sharing=sharing)
        for wanted, got in zip(looks, answer["execs"], strict=True):
            expected = by_command(root, name, wanted, bundle.path)
            assert got["out"].splitlines() == (expected.stdout + expected.stderr).splitlines()
            assert got["status"] == expected.returncode
            assert bool(got["shared"]) == (sharing and row.known() and "HOME=/h" in wanted["env"])
        assert answer["before"] == answer["after"]


@pytest.mark.parametrize("sharing", [False, True], ids=["forked", "sharing"])
def test_what_cannot_be_executed_is_told_in_the_command_lines_words(bundle: Bundle, sharing: bool) -> None:
    """And leaves nothing in the container."""
    broken = [
        document("", args=["nope"]),
        document("", args=["/etc"]),
        document("", cwd="/none"),
        document("", capabilities={"bounding": ["CAP_KILL"]}, user={"uid": -1, "gid": 0}),
        document("", rlimits=[{"type": "RLIMIT_WHAT", "soft": 1, "hard": 2}]),
    ]
    if sharing:
        broken = [{**one, "env": ["PATH=/none:/bin", "HOME=/h"]} for one in broken]
    with bundle.running() as container:
        answer = by_resident(bundle.path / "state", container.name, *broken, sharing=sharing)
        for wanted, got in zip(broken, answer["execs"], strict=True):
            expected = by_command(bundle.path / "state", container.name, wanted, bundle.path)
            last = json.dumps(got["error"], ensure_ascii=False)[1:-1]
            assert last
            assert last in expected.stderr
        assert answer["before"] == answer["after"]
        pids = subprocess.run(
            [*LOWRT, "--root", str(bundle.path / "state"), "ps", "--format", "json", container.name],
            capture_output=True,
            check=True,
        )
        assert len(json.loads(pids.stdout)) == 1
