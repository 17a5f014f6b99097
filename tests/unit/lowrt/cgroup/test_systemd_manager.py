"""systemd's manager: jobs and their ends, failed units of the same name, versions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lowrt.cgroup import systemd_manager
from lowrt.cgroup.systemd_manager import Manager, user_bus_address
from lowrt.dbus.connection import DBusError
from lowrt.dbus.wire import Variant
from lowrt.errors import Fault
from tests.fakes.lowrt_systemd import FakeSystemd

UNIT = "x-1.scope"
PIDS = [("PIDs", Variant("au", [1]))]


@pytest.fixture
def systemd() -> FakeSystemd:
    return FakeSystemd()


@pytest.fixture
def manager(systemd: FakeSystemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    with systemd.serving(tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        made = Manager.connect(user=False)
        yield made
        made.close()


def test_a_bus_is_asked_for_the_end_of_jobs(manager: Manager, systemd: FakeSystemd) -> None:
    assert systemd.members() == ["Hello", "AddMatch"]


def test_a_unit_is_there_when_its_job_is_done(manager: Manager, systemd: FakeSystemd) -> None:
    manager.start_transient_unit(UNIT, PIDS)
    assert systemd.units == {UNIT: {"PIDs": [1]}}
    manager.set_unit_properties(UNIT, [("TasksMax", Variant("t", 5))])
    assert systemd.units[UNIT]["TasksMax"] == 5
    manager.stop_unit(UNIT)
    assert systemd.units == {}


def test_a_process_is_moved_into_a_unit(manager: Manager, systemd: FakeSystemd) -> None:
    manager.attach(UNIT, 7)
    assert systemd.calls[-1] == ("AttachProcessesToUnit", (UNIT, "/", [7]))


def test_a_failed_unit_of_that_name_makes_room(manager: Manager, systemd: FakeSystemd) -> None:
    systemd.units[UNIT] = {}
    manager.start_transient_unit(UNIT, PIDS)
    assert systemd.members()[2:] == ["StartTransientUnit", "ResetFailedUnit", "StartTransientUnit"]
    assert systemd.units[UNIT] == {"PIDs": [1]}


def test_a_unit_that_runs_is_somebody_elses(manager: Manager, systemd: FakeSystemd) -> None:
    systemd.refusals["StartTransientUnit"] = [("org.freedesktop.systemd1.UnitExists", "was already loaded")] * 2
    with pytest.raises(DBusError, match="was already loaded"):
        manager.start_transient_unit(UNIT, PIDS)


def test_a_slice_that_exists_is_fine(manager: Manager, systemd: FakeSystemd) -> None:
    systemd.units["a.slice"] = {"kept": True}
    manager.start_transient_unit("a.slice", [], may_exist=True)
    assert systemd.units["a.slice"] == {"kept": True}


def test_a_job_that_fails_leaves_no_failed_unit(manager: Manager, systemd: FakeSystemd) -> None:
    systemd.result = "failed"
    with pytest.raises(Fault, match=r"error creating systemd unit `x-1.scope`: got `failed`"):
        manager.start_transient_unit(UNIT, PIDS)
    assert systemd.members()[-1] == "ResetFailedUnit"


def test_a_job_that_does_not_end_is_given_up(
    manager: Manager, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd_manager, "JOB_PATIENCE", 0.05)
    systemd.silent = True
    with pytest.raises(Fault, match=r"Timeout waiting for systemd to create x-1.scope"):
        manager.start_transient_unit(UNIT, PIDS)
    systemd.units[UNIT] = {}
    with pytest.raises(Fault, match=r"Timed out while waiting for systemd to remove x-1.scope"):
        manager.stop_unit(UNIT)


def test_a_unit_that_is_gone_is_stopped(manager: Manager) -> None:
    manager.stop_unit("never.scope")


@pytest.mark.parametrize(
    ("text", "number"), [("252.38-1~deb12u1", 252), ("v245.4-1.fc32", 245), ('"v239', 239), ("git", -1)]
)
def test_the_version_is_the_first_number(manager: Manager, systemd: FakeSystemd, text: str, number: int) -> None:
    systemd.version = text
    assert manager.version() == number


def test_the_managers_own_cgroup(manager: Manager) -> None:
    assert manager.control_group() == "/user.slice/user@1000.service"


def test_no_systemd_is_said_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    with pytest.raises(Fault, match=r"failed to connect to dbus \(hint: for rootless containers.*no such file"):
        Manager.connect(user=True)


def test_the_session_bus_is_where_the_environment_says(tmp_path: Path) -> None:
    assert user_bus_address({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}) == "unix:path=/x"
    (tmp_path / "bus").touch()
    assert user_bus_address({"XDG_RUNTIME_DIR": str(tmp_path)}) == f"unix:path={tmp_path}/bus"
    with pytest.raises(Fault, match="could not detect DBUS_SESSION_BUS_ADDRESS"):
        user_bus_address({"XDG_RUNTIME_DIR": str(tmp_path / "none")})
