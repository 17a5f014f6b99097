"""Resources and annotations as properties of units; numbers that runc gives for the same documents."""

from typing import Any

import pytest

from lowrt.cgroup import systemd_properties as p
from lowrt.cgroup.devices import Policy, Rule
from lowrt.cgroup.files import CgroupError
from lowrt.cgroup.systemd_units import unit_of
from lowrt.dbus.wire import Variant

INFINITY = (1 << 64) - 1


def plain(properties: list[tuple[str, Variant]]) -> dict[str, Any]:
    return {name: variant.value for name, variant in properties}


def test_a_scope_begins_with_its_slice_its_process_and_all_accounting() -> None:
    made = p.of_new_unit(unit_of("a.slice:p:n", "n"), "a.slice", 7, unified=True)
    assert plain(made) == {
        "Description": "libcontainer container n",
        "Slice": "a.slice",
        "Delegate": True,
        "PIDs": [7],
        "MemoryAccounting": True,
        "CPUAccounting": True,
        "IOAccounting": True,
        "TasksAccounting": True,
        "DefaultDependencies": False,
    }
    assert dict(made)["PIDs"].signature == "au"
    assert "BlockIOAccounting" in plain(p.of_new_unit(unit_of("", "n"), "a.slice", 7, unified=False))


def test_a_slice_wants_its_parent_and_takes_no_process() -> None:
    made = plain(p.of_new_unit(unit_of("a.slice:p:a-b.slice", "n"), "a.slice", 7, unified=True))
    assert made["Wants"] == ["a.slice"]
    assert not {"Slice", "PIDs", "Delegate"} & set(made)


LIMITS = {
    "memory": {"limit": 1000, "reservation": 500, "swap": 3000},
    "cpu": {"shares": 1024, "quota": 20500, "period": 50000, "cpus": "0-1,4", "mems": "0"},
    "pids": {"limit": 7},
    "blockIO": {"weight": 10},
}


def test_the_limits_of_v2() -> None:
    assert plain(p.of_resources_v2(LIMITS, 252)) == {
        "MemoryMax": 1000,
        "MemoryLow": 500,
        "MemorySwapMax": 2000,
        "CPUWeight": 100,
        "CPUQuotaPeriodUSec": 50000,
        "CPUQuotaPerSecUSec": 410000,
        "TasksMax": 7,
        "AllowedCPUs": b"\x13",
        "AllowedMemoryNodes": b"\x01",
    }


def test_the_limits_of_v1() -> None:
    assert plain(p.of_resources_v1(LIMITS, 252)) == {
        "MemoryLimit": 1000,
        "CPUShares": 1024,
        "CPUQuotaPeriodUSec": 50000,
        "CPUQuotaPerSecUSec": 410000,
        "BlockIOWeight": 10,
        "TasksMax": 7,
        "AllowedCPUs": b"\x13",
        "AllowedMemoryNodes": b"\x01",
    }


def test_no_limit_is_infinity() -> None:
    none = {"memory": {"limit": -1, "swap": -1}, "cpu": {"quota": -1}, "pids": {"limit": -1}}
    assert set(plain(p.of_resources_v2(none, 252)).values()) == {INFINITY}


def test_what_is_not_asked_for_is_not_said() -> None:
    assert p.of_resources_v1({}, 252) == p.of_resources_v2({"memory": {"limit": 0}, "pids": {}}, 252) == []


def test_an_old_systemd_is_not_told_what_it_does_not_know() -> None:
    assert set(plain(p.of_resources_v2({"cpu": LIMITS["cpu"]}, 241))) == {"CPUWeight", "CPUQuotaPerSecUSec"}
    assert p.of_resources_v2({"cpu": {"idle": 1}}, 251) == []
    assert plain(p.of_resources_v2({"cpu": {"idle": 1, "shares": 5}}, 252)) == {"CPUWeight": 0}


def test_a_quota_is_rounded_up_to_whole_percents_for_systemd_and_for_the_file() -> None:
    wanted = {"cpu": {"quota": 20501, "period": 50000}}
    assert plain(p.of_resources_v2(wanted, 252))["CPUQuotaPerSecUSec"] == 420000
    assert p.rounded(wanted)["cpu"]["quota"] == 21000
    assert p.rounded({"cpu": {"quota": 15000}})["cpu"]["quota"] == 15000
    assert p.rounded({"cpu": {"quota": -1}}) == {"cpu": {"quota": -1}}


def test_unified_has_properties_for_some_of_its_keys() -> None:
    unified = {
        "memory.high": " 5 ",
        "memory.max": "max",
        "pids.max": "0",
        "cpu.max": "max 20000",
        "cpu.weight": "7",
        "cpuset.cpus": "2",
        "hugetlb.2MB.max": "1",
    }
    assert plain(p.of_resources_v2({"unified": unified}, 252)) == {
        "MemoryHigh": 5,
        "MemoryMax": INFINITY,
        "TasksMax": 1,
        "CPUQuotaPeriodUSec": 20000,
        "CPUQuotaPerSecUSec": INFINITY,
        "CPUWeight": 7,
        "AllowedCPUs": b"\4",
    }
    with pytest.raises(CgroupError, match='unified resource "memory.max"="x" conversion error'):
        p.of_resources_v2({"unified": {"memory.max": "x"}}, 252)


def test_the_oom_policy_is_said_when_the_unit_is_made() -> None:
    wanted = {"unified": {"memory.oom.group": "1"}}
    assert plain(p.of_unit_start(wanted, 253)) == {"OOMPolicy": "kill"}
    assert p.of_unit_start(wanted, 252) == p.of_unit_start({}, 253) == []


@pytest.mark.parametrize("ranges", ["3-1", "a", "", ",", "0-4294967295", "1-"])
def test_ranges_that_are_none_or_endless_are_refused(ranges: str) -> None:
    with pytest.raises(ValueError, match=r"invalid|empty|large"):
        p.bits(ranges)


def test_annotations_are_properties_and_seconds_become_microseconds() -> None:
    annotations = {
        "org.systemd.property.TimeoutStopSec": "uint64 5",
        "org.systemd.property.CollectMode": "'inactive-or-failed'",
        "other": "x",
    }
    properties = dict(p.of_annotations(annotations))
    assert properties["TimeoutStopUSec"] == Variant("t", 5_000_000)
    assert properties["CollectMode"] == Variant("s", "inactive-or-failed")
    assert set(properties) == {"TimeoutStopUSec", "CollectMode"}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("X", "1", "name incorrect: too short"),
        ("Exec.Start", "1", "name incorrect: contains non-alphabetic character"),
        ("Abc", "nope", "value parse error"),
        ("TimeoutStopSec", "'5'", "value parse error: not a number"),
        ("FailureAction", "'reboot-force'", "reaches beyond the unit"),
        ("OnFailure", "['evil.service']", "reaches beyond the unit"),
        ("Slice", "'-.slice'", "reaches beyond the unit"),
        ("PIDs", "@au [1]", "reaches beyond the unit"),
    ],
)
def test_an_annotation_that_is_wrong_is_refused(key: str, value: str, words: str) -> None:
    with pytest.raises(CgroupError, match=words):
        p.of_annotations({f"org.systemd.property.{key}": value})


def test_devices_are_an_allow_list_that_replaces_the_former_one() -> None:
    policy = Policy()
    for rule in (Rule(True, "c", 1, 3, "rwm"), Rule(True, "b", -1, -1, "m"), Rule(True, "c", 136, -1, "rw")):
        policy.apply(rule)
    made = p.of_devices(policy, 252)
    assert made[:2] == [("DeviceAllow", Variant("a(ss)", [])), ("DevicePolicy", Variant("s", "strict"))]
    assert sorted(made[2][1].value) == [("/dev/char/1:3", "rwm"), ("block-*", "m"), ("char-136", "rw")]
    assert all(not path.startswith("char-136") for path, _ in p.of_devices(policy, 239)[2][1].value)


def test_a_list_of_what_is_forbidden_is_left_to_the_rules_that_follow() -> None:
    policy = Policy(allow=True)
    assert plain(p.of_devices(policy, 252)) == {"DeviceAllow": [], "DevicePolicy": "auto"}
    policy.apply(Rule(False, "c", 1, 3, "rwm"))
    assert plain(p.of_devices(policy, 252)) == {"DeviceAllow": [], "DevicePolicy": "strict"}
