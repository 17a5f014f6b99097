"""Configurations of every wrong kind: each is accepted, or refused in one sentence; nothing else may come out."""

import copy
import json
import os
from collections.abc import Callable
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lowrt.cgroup import resources
from lowrt.cgroup.devices import policy_of, rules_of
from lowrt.errors import Fault
from lowrt.init.job import Job
from lowrt.jsontext import JSONTextError, loads
from lowrt.rootfs.plan import build_plan
from lowrt.seccomp.profile import Profile
from lowrt.spec.load import parse_process, parse_spec
from lowrt.spec.validate import validate

Json = Any

WHOLE: Json = {
    "ociVersion": "1.2.0",
    "process": {
        "terminal": False,
        "consoleSize": {"height": 1, "width": 2},
        "user": {"uid": 0, "gid": 0, "umask": 18, "additionalGids": [1]},
        "args": ["sh"],
        "env": ["A=b"],
        "cwd": "/",
        "capabilities": {kind: ["CAP_CHOWN"] for kind in ("bounding", "effective", "permitted", "ambient")},
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}],
        "noNewPrivileges": True,
        "oomScoreAdj": 3,
        "scheduler": {"policy": "SCHED_BATCH", "nice": 1, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
        "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4},
        "execCPUAffinity": {"initial": "0", "final": "0-1"},
    },
    "root": {"path": "/", "readonly": True},
    "hostname": "h",
    "domainname": "d",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
        {"destination": "/x", "type": "bind", "source": "/tmp", "options": ["rbind", "rro"], "uidMappings": []},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
    ],
    "hooks": {"poststop": [{"path": "/bin/true", "args": ["a"], "env": ["B=c"], "timeout": 1}]},
    "annotations": {"a": "b"},
    "linux": {
        "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
        "devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 438, "uid": 0, "gid": 0}],
        "cgroupsPath": "/a/b",
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "maskedPaths": ["/proc/keys"],
        "readonlyPaths": ["/proc/sys"],
        "rootfsPropagation": "rslave",
        "personality": {"domain": "LINUX"},
        "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
        "resources": {
            "devices": [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "access": "r"}],
            "memory": {"limit": 1 << 27, "swap": 1 << 28, "reservation": 1 << 20, "swappiness": 7},
            "cpu": {"shares": 100, "quota": 5000, "period": 10000, "cpus": "0", "mems": "0", "idle": 0, "burst": 0},
            "pids": {"limit": 7},
            "blockIO": {"weight": 100, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 100}]},
            "hugepageLimits": [{"pageSize": "2MB", "limit": 0}],
            "network": {"classID": 1, "priorities": [{"name": "lo", "priority": 1}]},
            "rdma": {"mlx5_1": {"hcaHandles": 3}},
        },
        "seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [
                {
                    "names": ["socket"],
                    "action": "SCMP_ACT_ERRNO",
                    "errnoRet": 1,
                    "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_EQ", "valueTwo": 0}],
                }
            ],
        },
    },
}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63, 1 << 64, -(1 << 63), 10**30, 0.5, 1e400]),
    st.sampled_from(
        ["", "/", ".", "..", "a/../../b", "\x00", "\n", "💥", "\ud800", "-1", "0x0", "x" * 5000, "a:b:c", "rro"]
    ),
    st.text(max_size=8),
)
KEYS = st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)


def paths_of(document: Json, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the document."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [above, *(path for key, value in items for path in paths_of(value, (*above, key)))]


PLACES = [path for path in paths_of(WHOLE) if path]


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """The whole one with up to three places changed, removed, or doubled."""
    document = copy.deepcopy(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from(PLACES))
        place = document
        try:
            for key in above:
                place = place[key]
            how = draw(st.sampled_from(["change", "remove", "double"]))
            if how == "change":
                place[last] = draw(VALUES)
            elif how == "remove":
                del place[last]
            elif isinstance(place, list):
                place.append(copy.deepcopy(place[last]))
        except (KeyError, IndexError, TypeError):
            continue  # what an earlier change took away
    return document


def through_all_that_is_pure(text: bytes) -> None:
    """What create does with a configuration before it does anything."""
    spec = parse_spec(text, "/")
    for rootless in (False, True):
        try:
            validate(spec, rootless=rootless, cgroup2=False, warn=lambda _: None)
        except Fault:
            if not rootless:
                raise
    Job(spec, spec.process, "c")
    resources.v1_writes(spec.resources)
    resources.v1_memory(spec.resources.get("memory") or {}, 0, has_swap=True)
    resources.v2_writes(spec.resources)
    policy_of(rules_of(spec.resources, set()))
    build_plan(spec, {}, unified=True, in_userns=False)
    if spec.seccomp:
        Profile(spec.seccomp)


def refusal(parse: Callable[[], object]) -> str:
    """The words, "" where there is nothing to refuse."""
    try:
        parse()
    except (Fault, JSONTextError) as fault:
        return str(fault) or "an empty sentence\n"
    return ""


@settings(max_examples=400)
@given(documents())
@example(WHOLE)
def test_a_changed_configuration_is_taken_or_refused(document: Json) -> None:
    assert "\n" not in refusal(lambda: through_all_that_is_pure(json.dumps(document).encode()))


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=200), VALUES.map(lambda value: json.dumps(value).encode())))
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"\xef\xbb\xbf{}")
@example(b"\x00")
@example(b"1e999999999")
@example(b"9" * 5000)
def test_any_bytes_are_refused_in_one_sentence(text: bytes) -> None:
    assert "\n" not in refusal(lambda: parse_spec(text, "/"))
    assert "\n" not in refusal(lambda: parse_process(text))


@settings(max_examples=200)
@given(VALUES)
def test_what_json_reads_we_read(value: Json) -> None:
    text = json.dumps(value)
    if "Infinity" in text or "NaN" in text:
        return
    whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert loads(text.encode()) == json.loads(whole)


def test_the_whole_one_is_right() -> None:
    """What the changes start from, or they would prove nothing."""
    document = copy.deepcopy(WHOLE)
    document["linux"]["resources"].pop("network")
    assert os.path.isdir("/tmp")
    through_all_that_is_pure(json.dumps(document).encode())
