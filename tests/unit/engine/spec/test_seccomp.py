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


def test_rules_keep_their_arguments_and_errors() -> None:
    """As the runtime reads them."""
    argument = {"index": 0, "value": 2080505856, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    rule = {"name": "clone", "action": "SCMP_ACT_ERRNO", "errnoRet": 0, "args": [argument], "comment": "x"}
    done = convert({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1, "syscalls": [rule]})
    assert done["defaultErrnoRet"] == 1
    assert done["syscalls"] == [{"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0, "args": [argument]}]


def test_a_profile_may_name_its_architectures_or_map_them() -> None:
    """An own list goes before the map; an unknown machine has none."""
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "archMap": [{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
    }
    assert convert(profile, machine="aarch64")["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    assert "architectures" not in convert(profile, machine="x86_64")
    assert convert(profile | {"architectures": ["SCMP_ARCH_S390X"]}, machine="aarch64")["architectures"] == [
        "SCMP_ARCH_S390X"
    ]


def test_a_listener_goes_along() -> None:
    """SCMP_ACT_NOTIFY needs one."""
    done = convert({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent.sock", "listenerMetadata": "m"})
    assert (done["listenerPath"], done["listenerMetadata"]) == ("/run/agent.sock", "m")


@pytest.mark.parametrize(("asked", "there"), [("4.8", True), ("6.1", True), ("6.2", False), ("7.0", False)])
def test_kernels_are_compared_by_number(asked: str, there: bool) -> None:
    """4.8 is older than 4.10."""
    rule = {"names": ["x"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": asked}}
    assert bool(convert({"defaultAction": "A", "syscalls": [rule]})["syscalls"]) is there
    assert seccomp.to_oci(
        {"defaultAction": "A", "syscalls": [rule | {"includes": {"minKernel": "4.8"}}]},
        (),
        machine="x86_64",
        kernel=(4, 10),
    )["syscalls"]


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("mount", "CAP_SYS_ADMIN"),
        ("bpf", "CAP_BPF"),
        ("perf_event_open", "CAP_PERFMON"),
        ("settimeofday", "CAP_SYS_TIME"),
        ("reboot", "CAP_SYS_BOOT"),
        ("init_module", "CAP_SYS_MODULE"),
        ("kcmp", "CAP_SYS_PTRACE"),
        ("chroot", "CAP_SYS_CHROOT"),
        ("open_by_handle_at", "CAP_DAC_READ_SEARCH"),
    ],
)
def test_the_default_profile_opens_a_call_with_its_capability(name: str, capability: str) -> None:
    """And only then."""

    def allowed(capabilities: tuple[str, ...]) -> bool:
        rules = convert(seccomp.default_profile(), capabilities)["syscalls"]
        return any(name in rule["names"] for rule in rules if rule["action"] == "SCMP_ACT_ALLOW")

    assert not allowed(())
    assert allowed((capability,))


@pytest.mark.parametrize("name", ["io_uring_setup", "keyctl", "add_key", "request_key", "userfaultfd", "kexec_load"])
def test_the_default_profile_never_opens_what_has_broken_containers(name: str) -> None:
    """Not even with every other capability."""
    rules = convert(seccomp.default_profile(), ())["syscalls"]
    assert not [rule for rule in rules if name in rule["names"] and rule["action"] == "SCMP_ACT_ALLOW"]


def test_a_profile_of_any_depth_is_the_clients_mistake() -> None:
    """JSON may be nested without end."""
    with pytest.raises(InvalidArgument, match="seccomp profile"):
        seccomp.parse_profile("[" * 100_000)


@pytest.mark.parametrize("text", ['{"defaultAction"', "null", '"x"', "1"])
def test_a_profile_that_is_no_object_is_the_clients_mistake(text: str) -> None:
    """400, and why."""
    with pytest.raises(InvalidArgument, match="seccomp profile"):
        seccomp.parse_profile(text)
