"""Reading the seccomp section."""

import pytest

from lowrt.errors import InvalidArgument
from lowrt.seccomp import profile as p
from lowrt.seccomp.profile import Profile


def test_actions_become_return_values() -> None:
    section = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [
            {"names": ["a"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["b"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
            {"names": ["c"], "action": "SCMP_ACT_TRACE"},
            {"names": ["d"], "action": "SCMP_ACT_KILL"},
        ],
    }
    read = Profile(section)
    assert read.default == p.ERRNO | 1
    assert [(name, value) for name, value, _ in read.rules] == [
        ("a", p.ALLOW),
        ("b", p.ERRNO | 38),
        ("c", p.TRACE | 1),
        ("d", p.KILL_THREAD),
    ]


def test_a_rule_that_says_what_the_default_says_is_no_rule_but_its_names_are_known() -> None:
    read = Profile({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"], "action": "SCMP_ACT_ALLOW"}]})
    assert read.rules == []
    assert read.names == {"a"}


def test_two_conditions_on_one_argument_are_alternatives() -> None:
    arguments = [{"index": 0, "op": "SCMP_CMP_EQ", "value": v} for v in (1, 2)]
    read = Profile(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": arguments}],
        }
    )
    assert [conditions for _, _, conditions in read.rules] == [[(0, "SCMP_CMP_EQ", 1, 0)], [(0, "SCMP_CMP_EQ", 2, 0)]]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"defaultAction": "ALLOW"}, "string ALLOW is not a valid action for seccomp"),
        ({"defaultAction": "SCMP_ACT_NOTIFY"}, "SCMP_ACT_NOTIFY cannot be used as default action"),
        ({"architectures": ["SCMP_ARCH_VAX"]}, "string SCMP_ARCH_VAX is not a valid arch for seccomp"),
        ({"flags": ["FAST"]}, "seccomp flag FAST is not known to lowrt"),
        ({"syscalls": [{"names": [""], "action": "SCMP_ACT_ALLOW"}]}, "empty string is not a valid syscall"),
        ({"syscalls": [{"names": ["write"], "action": "SCMP_ACT_NOTIFY"}]}, "cannot be used for the write syscall"),
        (
            {"syscalls": [{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "IS"}]}]},
            "string IS is not a valid operator for seccomp",
        ),
        (
            {"syscalls": [{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}]},
            "there is no number 6",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_runcs_words(section: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Profile({"defaultAction": "SCMP_ACT_ERRNO"} | section)
    assert words in str(caught.value)


def test_flags_default_to_spec_allow_and_an_empty_list_means_none() -> None:
    assert Profile({"defaultAction": "SCMP_ACT_ALLOW"}).flags == 4
    assert Profile({"defaultAction": "SCMP_ACT_ALLOW", "flags": []}).flags == 0
    flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"]
    assert Profile({"defaultAction": "SCMP_ACT_ALLOW", "flags": flags}).flags == 2


def test_a_notifying_rule_asks_for_a_listener() -> None:
    section = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "flags": [],
        "syscalls": [{"names": ["a"], "action": "SCMP_ACT_NOTIFY"}],
    }
    assert Profile(section).flags == p.NEW_LISTENER
