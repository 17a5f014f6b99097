"""Security options."""

from pathlib import Path

import pytest

from engine.spec import security
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import host_config


def test_options_in_both_spellings() -> None:
    assert security.parse(["no-new-privileges"]).no_new_privileges is True
    assert security.parse(["no-new-privileges:false"]).no_new_privileges is False
    assert security.parse(["seccomp=unconfined"]).seccomp == "unconfined"
    for option in ("label=disable", "label:disable", "disable"):
        assert security.parse([option]) == security.SecurityOptions(labels=("disable",))
    assert security.parse(["apparmor=unconfined"]).apparmor == "unconfined"
    assert security.parse(["apparmor:mine", "label=type:t"]) == security.SecurityOptions(
        apparmor="mine", labels=("type:t",)
    )


@pytest.mark.parametrize(
    ("options", "found"),
    [([], None), (["writable-cgroups"], True), (["writable-cgroups=true"], True), (["writable-cgroups=0"], False)],
)
def test_who_may_write_to_cgroups(options: list[str], found: bool | None) -> None:
    assert security.parse(options).writable_cgroups is found


@pytest.mark.parametrize("option", ["foo", "foo=bar", "systempaths=no", "writable-cgroups=dang"])
def test_what_is_not_built_is_refused_by_name(option: str) -> None:
    with pytest.raises(InvalidArgument, match=option):
        security.parse([option])


def test_hidden_paths() -> None:
    masked, readonly = security.hidden_paths(host_config(), security.SecurityOptions())
    assert "/proc/kcore" in masked
    assert "/proc/sys" in readonly
    assert security.hidden_paths(host_config(Privileged=True), security.SecurityOptions()) == ([], [])
    assert security.hidden_paths(host_config(), security.SecurityOptions(unmasked=True)) == ([], [])
    assert security.hidden_paths(host_config(MaskedPaths=[]), security.SecurityOptions())[0] == []


@pytest.mark.parametrize(("value", "truth"), [("1", True), ("t", True), ("TRUE", True), ("0", False), ("F", False)])
def test_booleans_are_gos(value: str, truth: bool) -> None:
    """strconv.ParseBool."""
    assert security.parse([f"no-new-privileges={value}"]).no_new_privileges is truth


def test_a_boolean_that_is_none() -> None:
    """In dockerd's words."""
    with pytest.raises(InvalidArgument, match='invalid --security-opt 2: "no-new-privileges=maybe"'):
        security.parse(["no-new-privileges=maybe"])


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("foo", 'invalid --security-opt 1: "foo"'),
        ("foo=bar", 'invalid --security-opt 2: "foo=bar"'),
    ],
)
def test_refusals_name_the_option(option: str, words: str) -> None:
    """Nothing is accepted and ignored."""
    with pytest.raises(InvalidArgument) as caught:
        security.parse([option])
    assert words in str(caught.value)


def test_the_last_word_wins() -> None:
    """As with repeated flags elsewhere."""
    assert security.parse(["seccomp=unconfined", "seccomp=builtin"]).seccomp == "builtin"


def test_a_profile_may_hold_equals_signs_and_colons() -> None:
    """Only the first separator counts."""
    assert security.parse(['seccomp={"a": "b=c"}']).seccomp == '{"a": "b=c"}'


def test_the_hidden_paths_are_dockers() -> None:
    """RAPL, the thermal sensors and ACPI are side channels."""
    assert set(security.MASKED_PATHS) == {
        "/proc/acpi",
        "/proc/asound",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/devices/virtual/powercap",
        "/sys/firmware",
    }
    assert security.READONLY_PATHS == ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def test_what_asks_for_confinement_by_a_module_is_kept_apart() -> None:
    found = security.parse(["apparmor=mine", "label=type:x", "label=disable", "apparmor=unconfined"])
    assert (found.apparmor, found.labels) == ("unconfined", ("type:x", "disable"))


def test_what_tells_of_processors_heat_is_hidden_where_it_is(tmp_path: Path) -> None:
    """GHSA-6fw5: one folder for each processor that has one."""
    for name in ("cpu0", "cpu10", "cpufreq"):
        (tmp_path / name / "thermal_throttle").mkdir(parents=True)
    pattern = f"{tmp_path}/cpu[0-9]*/thermal_throttle"
    assert security.thermal_paths(pattern) == tuple(f"{tmp_path}/{name}/thermal_throttle" for name in ("cpu0", "cpu10"))
