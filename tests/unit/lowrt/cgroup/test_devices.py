"""Device rules, as policies, v1 lines and v2 programs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrt.cgroup.devices import Policy, Rule, policy_from_list, policy_of, rules_of, v1_lines, v2_program
from lowrt.cgroup.files import CgroupError
from tests.fakes.lowrt_bpf import run_device

DENY_ALL = {"devices": [{"allow": False, "access": "rwm"}]}


def test_the_default_rules_follow_the_documents() -> None:
    rules = rules_of(DENY_ALL, set())
    assert repr(rules[0]) == "deny a *:* rwm"
    assert repr(rules[1]) == "allow c *:* m"
    assert [str(rule) for rule in rules].count("c 1:3 rwm") == 1


def test_a_node_that_the_container_defines_itself_gets_no_default_rule() -> None:
    assert "c 1:3 rwm" not in [str(rule) for rule in rules_of(DENY_ALL, {"/dev/null"})]


def test_deny_all_leads_to_the_lines_runc_writes() -> None:
    lines = v1_lines(policy_from_list("a *:* rwm\n"), policy_of(rules_of(DENY_ALL, set())))
    assert lines[0] == ("devices.deny", "a *:* rwm")
    assert lines[1:] == [
        ("devices.allow", line)
        for line in (
            "b *:* m",
            "c *:* m",
            "c 1:3 rwm",
            "c 1:5 rwm",
            "c 1:7 rwm",
            "c 1:8 rwm",
            "c 1:9 rwm",
            "c 5:0 rwm",
            "c 5:2 rwm",
            "c 10:200 rwm",
            "c 136:* rwm",
        )
    ]


def test_from_one_filter_to_another_only_the_difference_is_written() -> None:
    old = policy_from_list("c 1:3 rwm\nb 8:0 rw\n")
    new = policy_of([Rule(True, "c", 1, 3, "rw"), Rule(True, "c", 1, 5, "r")])
    assert v1_lines(old, new) == [
        ("devices.deny", "c 1:3 m"),
        ("devices.deny", "b 8:0 rw"),
        ("devices.allow", "c 1:5 r"),
    ]
    assert v1_lines(new, new) == []


def test_a_privileged_container_may_open_everything() -> None:
    policy = policy_of(rules_of({"devices": [{"allow": True, "access": "rwm"}]}, set()))
    assert policy == Policy(allow=True)
    assert v1_lines(policy_from_list("c 1:3 rwm\n"), policy) == [("devices.allow", "a *:* rwm")]
    assert run_device(v2_program(policy), "b", 8, 0, "rw")


def test_a_hole_in_a_wildcard_rule_is_refused() -> None:
    rules = [Rule(True, "c", 5, -1, "rwm"), Rule(False, "c", 5, 1, "w")]
    with pytest.raises(CgroupError, match="cannot punch hole in existing wildcard rule"):
        policy_of(rules)


def test_access_is_merged_and_taken_back() -> None:
    policy = policy_of([Rule(True, "b", 8, 0, "r"), Rule(True, "b", 8, 0, "wm"), Rule(False, "b", 8, 0, "m")])
    assert [str(rule) for rule in policy.ordered()] == ["b 8:0 rw"]


_rules = st.builds(
    Rule,
    st.booleans(),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from([-1, 1, 5, 255, (1 << 32) - 1]),
    st.sampled_from([-1, 0, 3, 1 << 31]),
    st.sampled_from(["r", "w", "m", "rw", "rwm"]),
)


@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(st.lists(_rules, max_size=8))
def test_the_v2_program_decides_as_the_policy_does(rules: list[Rule]) -> None:
    try:
        policy = policy_of(rules)
    except CgroupError:
        return
    program = v2_program(policy)
    for kind in "bc":
        for major in (1, 5, 255, (1 << 32) - 1):
            for minor in (0, 3, 1 << 31):
                for access in ("r", "w", "m", "rw", "rwm"):
                    listed = any(
                        rule.device[0] == kind
                        and rule.device[1] in (-1, major)
                        and rule.device[2] in (-1, minor)
                        and set(access) <= set(rule.access)
                        for rule in policy.ordered()
                    )
                    assert run_device(program, kind, major, minor, access) == (listed != policy.allow)


def test_a_number_that_no_device_can_have_is_refused_on_v2() -> None:
    with pytest.raises(CgroupError, match="invalid device number"):
        v2_program(policy_of([Rule(True, "c", 1 << 32, 0, "r")]))
