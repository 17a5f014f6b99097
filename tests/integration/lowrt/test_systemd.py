"""Containers as transient scopes of the systemd that runs here; test_uml.py boots one for these."""

import json
import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lowrt.dbus.connection import Connection
from tests import needs
from tests.integration.lowrt.environment import LOWRT, Bundle

pytestmark = [needs.root, needs.systemd, needs.binary("busybox")]

SYSTEMD_LOWRT = [*LOWRT, "--systemd-cgroup"]
MIB = 1 << 20
TOP = Path("/sys/fs/cgroup")
UNIFIED = (TOP / "cgroup.controllers").exists()
LIMITS: dict[str, Any] = {
    "memory": {"limit": 64 * MIB, "swap": 64 * MIB},
    "cpu": {"shares": 1024, "quota": 20500, "period": 50000},
    "pids": {"limit": 77},
    "devices": [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"},
        {"allow": True, "type": "b", "major": 7, "access": "r"},
    ],
}
# What the runtimes decide; systemd reports some hundred properties more.
SHOWN = [
    "Slice",
    "Delegate",
    "MemoryMax",
    "MemoryLimit",
    "MemorySwapMax",
    "MemoryLow",
    "CPUWeight",
    "CPUShares",
    "CPUQuotaPerSecUSec",
    "CPUQuotaPeriodUSec",
    "TasksMax",
    "DevicePolicy",
    "DeviceAllow",
    "AllowedCPUs",
    "MemoryAccounting",
    "CPUAccounting",
    "IOAccounting",
    "BlockIOAccounting",
    "TasksAccounting",
    "DefaultDependencies",
    "TimeoutStopUSec",
    "CollectMode",
]


def show(unit: str, *names: str) -> dict[str, str]:
    """Properties as systemd has them."""
    command = ["systemctl", "show", *(f"--property={name}" for name in names or SHOWN), unit]
    shown: dict[str, list[str]] = {}
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        name, _, value = line.partition("=")
        shown.setdefault(name, []).append(value)
    return {name: "\n".join(sorted(values)) for name, values in shown.items()}


def is_loaded(unit: str) -> bool:
    return show(unit, "LoadState")["LoadState"] == "loaded"


def folder_of(unit: str, controller: str) -> Path:
    path = show(unit, "ControlGroup")["ControlGroup"]
    assert path
    return (TOP if UNIFIED else TOP / controller) / path.strip("/")


def value(unit: str, controller: str, v2: str, v1: str) -> str:
    return (folder_of(unit, controller) / (v2 if UNIFIED else v1)).read_text().strip()


@pytest.fixture
def box(bundle: Bundle) -> Iterator[Bundle]:
    """A bundle whose cgroup is a scope; the unit is gone in the end."""
    name = bundle.cgroup.strip("/")
    bundle.linux["cgroupsPath"] = f"wherry-a.slice:box:{name}"
    yield bundle
    assert not is_loaded(f"box-{name}.scope")


def unit_of(bundle: Bundle) -> str:
    return f"box-{bundle.cgroup.strip('/')}.scope"


def test_a_container_runs_in_the_scope_that_its_path_names(box: Bundle) -> None:
    lines = box.output("cat /proc/self/cgroup", SYSTEMD_LOWRT).splitlines()
    assert {line.split(":", 2)[2] for line in lines} == {f"/wherry.slice/wherry-a.slice/{unit_of(box)}"}


def test_without_a_path_the_scope_is_in_the_systems_slice(bundle: Bundle) -> None:
    bundle.linux["cgroupsPath"] = ""
    name = bundle.cgroup.strip("/")
    lines = bundle.output("cat /proc/self/cgroup", SYSTEMD_LOWRT).splitlines()
    assert {line.split(":", 2)[2] for line in lines} == {f"/system.slice/lowrt-{name}.scope"}


@needs.binary("runc")
def test_the_unit_has_the_properties_that_runc_gives_it(box: Bundle) -> None:
    """And the cgroup the values."""
    box.linux["resources"] = LIMITS
    seen = []
    for runtime in (SYSTEMD_LOWRT, ["runc", "--systemd-cgroup"]):
        with box.running(runtime):
            files = (
                value(unit_of(box), "cpu", "cpu.max", "cpu.cfs_quota_us"),
                value(unit_of(box), "memory", "memory.max", "memory.limit_in_bytes"),
                value(unit_of(box), "pids", "pids.max", "pids.max"),
            )
            seen.append((show(unit_of(box)), files))
            if runtime is SYSTEMD_LOWRT:  # runc's process is left in the slice's cgroup for devices, on v1
                pid = folder_of(unit_of(box), "devices").joinpath("cgroup.procs").read_text().strip()
                own = {line.split(":", 2)[2] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()}
                assert own == {f"/wherry.slice/wherry-a.slice/{unit_of(box)}"}
    ours, runcs = seen
    allowed = runcs[0].pop("DeviceAllow")
    for former, shown in (
        ("char-pts", "char-136"),
        ("block-loop", "block-7"),
    ):  # before 1.2, as systemd before 240 has it
        allowed = allowed.replace(former, shown)
    # Before 1.2, too, devices are left out that this host has not; and shares became weights by another formula.
    assert set(allowed.split("\n")) <= set(ours[0]["DeviceAllow"].split("\n"))
    del runcs[0]["CPUWeight"]
    assert [(name, ours[0][name], runcs[0][name]) for name in runcs[0] if ours[0][name] != runcs[0][name]] == []
    assert ours[1] == runcs[1]
    assert ours[0]["TasksMax"] == "77"
    assert "/dev/char/10:229 rw" in ours[0]["DeviceAllow"]


def test_an_update_outlives_systemds_own_reload(box: Bundle) -> None:
    box.linux["resources"] = LIMITS
    with box.running(SYSTEMD_LOWRT) as container:
        limits = ("--memory", "32m", "--memory-swap", "32m", "--cpu-quota", "10000", "--pids-limit", "55")
        container.call("update", *limits, container.name)
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        unit = unit_of(box)
        assert value(unit, "memory", "memory.max", "memory.limit_in_bytes") == str(32 * MIB)
        assert value(unit, "cpu", "cpu.max", "cpu.cfs_quota_us") == ("10000 50000" if UNIFIED else "10000")
        assert value(unit, "pids", "pids.max", "pids.max") == "55"
        assert show(unit, "CPUQuotaPerSecUSec", "TasksMax") == {"CPUQuotaPerSecUSec": "200ms", "TasksMax": "55"}


def test_exec_pause_resume_events_and_kill_find_the_scope(box: Bundle) -> None:
    with box.running(SYSTEMD_LOWRT) as container:
        assert unit_of(box) in container.call("exec", container.name, "cat", "/proc/self/cgroup")
        container.call("pause", container.name)
        assert json.loads(container.call("state", container.name))["status"] == "paused"
        container.call("resume", container.name)
        assert json.loads(container.call("events", "--stats", container.name))["data"]["pids"]["current"] == 1
        pidfd = os.pidfd_open(container.pid)
        container.call("kill", container.name, "KILL")
        wait_for(pidfd)


def test_a_limit_bites(box: Bundle) -> None:
    box.linux["resources"] = {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}}
    box.shell("exec dd if=/dev/zero of=/dev/null bs=64M count=1")
    assert box.run(SYSTEMD_LOWRT).returncode == 137


def test_a_scope_that_systemd_stops_is_a_container_that_has_stopped(box: Bundle) -> None:
    with box.running(SYSTEMD_LOWRT) as container:
        pidfd = os.pidfd_open(container.pid)
        subprocess.run(["systemctl", "kill", "--signal=KILL", unit_of(box)], check=True)
        wait_for(pidfd)
        assert json.loads(container.call("state", container.name))["status"] == "stopped"
        container.call("delete", container.name)


def wait_for(pidfd: int) -> None:
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    assert poller.poll(60_000), "the process does not end"
    os.close(pidfd)


def test_annotations_are_properties(box: Bundle) -> None:
    box.config["annotations"] = {
        "org.systemd.property.TimeoutStopSec": "uint64 7",
        "org.systemd.property.CollectMode": "'inactive-or-failed'",
    }
    with box.running(SYSTEMD_LOWRT):
        shown = show(unit_of(box), "TimeoutStopUSec", "CollectMode")
    assert shown == {"TimeoutStopUSec": "7s", "CollectMode": "inactive-or-failed"}


def test_an_annotation_cannot_reach_beyond_its_unit(box: Bundle, tmp_path: Path) -> None:
    """CVE-2024-3154."""
    for name, text in (("FailureAction", "'reboot-force'"), ("OnFailure", "['evil.service']"), ("Slice", "'-.slice'")):
        box.config["annotations"] = {f"org.systemd.property.{name}": text}
        done = box.run(SYSTEMD_LOWRT)
        assert done.returncode == 1
        assert "reaches beyond the unit is refused" in done.stderr


def test_what_systemd_refuses_is_said_and_leaves_nothing(box: Bundle) -> None:
    box.linux["cgroupsPath"] = f"wherry--a.slice:box:{box.cgroup.strip('/')}"
    assert "invalid slice name: wherry--a.slice" in box.run(SYSTEMD_LOWRT).stderr
    box.linux["cgroupsPath"] = f"wherry-a.slice:box:{box.cgroup.strip('/')}"
    box.config["annotations"] = {"org.systemd.property.CPUNonsense": "uint64 7"}
    done = box.run(SYSTEMD_LOWRT)
    assert done.returncode == 1
    assert "CPUNonsense" in done.stderr


def test_a_scope_of_the_same_name_is_not_taken_over(box: Bundle, tmp_path: Path) -> None:
    with box.running(SYSTEMD_LOWRT) as first:
        arguments = [*SYSTEMD_LOWRT, "--root", str(tmp_path / "other"), "run", "--bundle", str(box.path), "second"]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 1
        assert "container's cgroup is not empty" in done.stderr
        assert json.loads(first.call("state", first.name))["status"] == "running"


@pytest.mark.skipif(not UNIFIED, reason="needs cgroup v2: the shared hierarchy of v1 is systemd's own")
def test_a_path_that_is_a_slice_makes_one(bundle: Bundle) -> None:
    name = f"wherry-{bundle.cgroup.strip('/').rsplit('-', 1)[1]}.slice"
    bundle.linux["cgroupsPath"] = f"wherry.slice:x:{name}"
    assert f"/wherry.slice/{name}" in bundle.output("cat /proc/self/cgroup", SYSTEMD_LOWRT)


NOBODY = 65534
RUNTIME_DIR = f"/run/user/{NOBODY}"


@pytest.fixture
def manager_of_nobody() -> Iterator[None]:
    """His own systemd, as logging in would have started it."""
    os.makedirs(RUNTIME_DIR, exist_ok=True)
    os.chown(RUNTIME_DIR, NOBODY, NOBODY)
    os.chmod(RUNTIME_DIR, 0o700)
    environment = (f"XDG_RUNTIME_DIR={RUNTIME_DIR}", f"HOME={RUNTIME_DIR}")
    options = [f"--property=Environment={entry}" for entry in environment]
    options += [f"--property=User={NOBODY}", "--property=Delegate=yes", "--property=Type=notify"]
    subprocess.run(["systemd-run", "--quiet", "--unit=nobodys", *options, "/lib/systemd/systemd", "--user"], check=True)
    yield
    subprocess.run(["systemctl", "stop", "nobodys.service"], check=True)


@needs.uml
@pytest.mark.skipif(not UNIFIED, reason="needs cgroup v2: no user has his own systemd's cgroups on v1")
def test_an_ordinary_users_scope_is_his_own_systemds(bundle: Bundle, manager_of_nobody: None, tmp_path: Path) -> None:
    del manager_of_nobody
    for path in (*tmp_path.parents, tmp_path, bundle.path):
        os.chmod(path, os.stat(path).st_mode | 0o055)
    for path in (bundle.path, *bundle.path.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    bundle.linux["cgroupsPath"] = f"user.slice:box:{bundle.cgroup.strip('/')}"
    bundle.linux["resources"] = {"memory": {"limit": 32 * MIB}, "pids": {"limit": 33}}
    bundle.linux["namespaces"].append({"type": "user"})
    for kind in ("uid", "gid"):
        bundle.linux[f"{kind}Mappings"] = [{"containerID": 0, "hostID": NOBODY, "size": 1}]
    for mount in bundle.config["mounts"]:
        mount["options"] = [option for option in mount["options"] if option != "gid=5"]
    as_nobody = [
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        "env",
        f"XDG_RUNTIME_DIR={RUNTIME_DIR}",
    ]
    with bundle.running([*as_nobody, *SYSTEMD_LOWRT]) as container:
        folder = TOP / f"system.slice/nobodys.service/user.slice/{unit_of(bundle)}"
        assert (folder / "memory.max").read_text().strip() == str(32 * MIB)
        assert (folder / "pids.max").read_text().strip() == "33"
        assert unit_of(bundle) in container.call("exec", container.name, "cat", "/proc/self/cgroup")
        container.call("update", "--memory", "16m", container.name)
        assert (folder / "memory.max").read_text().strip() == str(16 * MIB)
    assert not folder.exists()


def test_systemds_private_socket_speaks_our_d_bus() -> None:
    connection = Connection.open("unix:path=/run/systemd/private", bus=False)
    try:
        name, path = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
        properties = connection.call(
            name, path, "org.freedesktop.DBus.Properties", "GetAll", "s", (f"{name}.Manager",)
        )[0]
        units = connection.call(name, path, f"{name}.Manager", "ListUnits")[0]
    finally:
        connection.close()
    assert properties["Version"].value
    assert any(unit[0] == "-.slice" for unit in units)
