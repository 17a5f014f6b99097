"""Docker's profile format."""

import pytest

from engine.spec import seccomp
from proto.errdefs import InvalidArgument


def convert(profile: dict, capabilities: tuple[str, ...] = (), machine: str = "x86_64") -> dict:
    return seccomp.to_oci(profile, capabilities, machine=machine, kernel=(6, 1))


def test_rules_follow_capabilities_machine_and_kernel() -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [
            {"names": ["a"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["b"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_X"]}},
            {"names": ["c"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_X"]}},
            {"names": ["d"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
            {"names": ["e"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "7.0"}},
            {"names": ["f"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd64"]}},
        ],
    }
    assert [rule["names"] for rule in convert(profile)["syscalls"]] == [["a"], ["c"]]
    assert [rule["names"] for rule in convert(profile, ("CAP_X",))["syscalls"]] == [["a"], ["b"]]


def test_the_default_profile_knows_the_sub_architectures_and_guards_clone() -> None:
    done = convert(seccomp.default_profile())
    assert done["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    clone3 = [rule for rule in done["syscalls"] if rule["names"] == ["clone3"]]
    assert clone3 == [{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]
    privileged = convert(seccomp.default_profile(), ("CAP_SYS_ADMIN",))
    assert not [rule for rule in privileged["syscalls"] if rule["names"] == ["clone3"]]


def test_a_broken_profile_is_refused() -> None:
    for text in ("{", "[]", "{}"):
        with pytest.raises(InvalidArgument, match="seccomp profile"):
            seccomp.parse_profile(text)
