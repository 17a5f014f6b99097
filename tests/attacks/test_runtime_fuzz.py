"""Configurations of every wrong kind, given to `create`: one clear line and exit 1, or a container; never a leftover.

Each is a whole one in which up to three places are changed, removed or doubled, by a seed that the failure names.
WHERRY_FUZZ=N tries as many. What the pure part makes of such documents is asked at length in the unit tests.
"""

import copy
import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.integration.lowrt.environment import LOWRT, Bundle, cgroup_folders

pytestmark = [needs.root, needs.binary("busybox")]

Json = Any

ROUNDS = int(os.environ.get("WHERRY_FUZZ", "60"))
BATCHES = 4

VALUES: list[Json] = [
    *(None, True, False, 0, 1, -1, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, -(1 << 63), 1 << 64, 10**30, 0.5),
    *("", "/", ".", "..", "/../..", "a/../../b", "\0", "\n", "💥", "\ud800", "-1", "0x0", "x" * 5000, "a:b", "rro"),
    *([], {}, [None], [""], {"": None}, [[[]]], [0, "x"], {"type": "nope"}, {"path": "/nowhere"}),
]

# Where another value would have the host changed, which is what whoever writes a configuration may do.
HELD = {("root", "path"), ("linux",), ("linux", "cgroupsPath"), ("linux", "namespaces"), ("root",), ("linux", "sysctl")}


def whole(bundle: Bundle) -> Json:
    """Something of nearly everything."""
    document = copy.deepcopy(bundle.config)
    document["process"].update(
        user={"uid": 0, "gid": 0, "umask": 18, "additionalGids": [5]},
        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}],
        noNewPrivileges=True,
        oomScoreAdj=100,
        scheduler={"policy": "SCHED_BATCH", "nice": 1},
        ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 4},
        consoleSize={"height": 1, "width": 2},
    )
    document["annotations"] = {"a": "b"}
    document["mounts"] += [
        {"destination": "/data", "type": "bind", "source": str(bundle.path / "data"), "options": ["rbind", "ro"]},
        {"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "size=1m"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
    ]
    document["linux"].update(
        devices=[{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 438, "uid": 0, "gid": 0}],
        sysctl={"net.ipv4.ip_forward": "1"},
        maskedPaths=["/proc/keys", "/proc/tty"],
        readonlyPaths=["/proc/sys"],
        personality={"domain": "LINUX"},
        seccomp={
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1}]}],
        },
    )
    document["linux"]["resources"] |= {
        "memory": {"limit": 1 << 27, "swap": 1 << 28},
        "cpu": {"shares": 100, "quota": 5000, "period": 10000, "cpus": "0"},
        "pids": {"limit": 50},
    }
    return document


def places(document: Json, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    found = [above] if above and above not in HELD and above[:2] != ("linux", "namespaces") else []
    return found + [path for key, value in items for path in places(value, (*above, key))]


def changed(document: Json, chance: random.Random) -> Json:
    for _ in range(chance.randint(1, 3)):
        *above, last = chance.choice(places(document))
        place = document
        for key in above:
            place = place[key]
        how = chance.choice(("change", "change", "remove", "double"))
        if how == "change":
            place[last] = copy.deepcopy(chance.choice(VALUES))
        elif how == "remove":
            del place[last]
        elif isinstance(place, list):
            place.append(copy.deepcopy(place[last]))
    return document


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_configuration_is_taken_or_refused_in_one_line_and_leaves_nothing(bundle: Bundle, batch: int) -> None:
    (bundle.path / "data").mkdir()
    for number in range(batch, ROUNDS, BATCHES):
        document = changed(whole(bundle), random.Random(f"wherry {number}"))
        (bundle.path / "config.json").write_text(json.dumps(document))
        attempt(bundle, number)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"\x00", b"\xff\xfe{}", b'{"process":', b"[" * 100_000, b'{"ociVersion": "1.0.2"}x'],
    ids=range(9),
)
def test_what_is_no_configuration_at_all_is_refused(bundle: Bundle, text: bytes) -> None:
    (bundle.path / "config.json").write_bytes(text)
    assert attempt(bundle, -1) == 1


def attempt(bundle: Bundle, seed: int) -> int:
    """create, delete, and look for what is left; create's exit code."""
    state = ["--root", str(bundle.path / "state")]
    said = bundle.path / "said"
    with said.open("wb") as err:
        words = [*LOWRT, *state, "--log", str(bundle.path / "log"), "create", "--bundle", str(bundle.path), "c1"]
        null = subprocess.DEVNULL
        code = subprocess.run(words, check=False, stdin=null, stdout=null, stderr=err, timeout=120).returncode
    text = said.read_text(errors="surrogateescape")
    where = f"seed {seed}: {text}"
    if code == 0:
        assert subprocess.run([*LOWRT, *state, "delete", "--force", "c1"], check=False).returncode == 0, where
    else:
        assert code == 1, where
        assert text.startswith("runc create failed: "), where
        assert text.count("\n") == 1, where
        assert "internal error" not in text, where
    assert not (bundle.path / "state" / "c1").exists(), where
    assert not cgroup_folders(bundle.cgroup), where
    assert str(bundle.path) not in Path("/proc/self/mountinfo").read_text(), where
    return code
