"""The driver before a unit exists; with one, tests/integration/lowrt/test_systemd.py has it under a real systemd."""

import os
from pathlib import Path

import pytest

from lowrt.cgroup import systemd as by_systemd
from lowrt.cgroup.driver import driver_from_state
from lowrt.cgroup.files import CgroupError
from lowrt.cgroup.systemd import CgroupSystemd
from lowrt.spec.model import Spec


def test_without_systemd_it_is_refused_in_runcs_words() -> None:
    if os.path.isdir("/run/systemd/system"):
        pytest.skip("systemd runs here")
    with pytest.raises(CgroupError, match="systemd not running on this host, cannot use systemd cgroups manager"):
        by_systemd.new(Spec({}, "/"), "x", set(), unified=True, rootless=False)


@pytest.fixture
def driver(tmp_path: Path) -> CgroupSystemd:
    """Of a container that exists: one limit has been set."""
    (tmp_path / "cpu.max").write_text("30000 60000\n")
    state = {
        "driver": "systemd",
        "unit": "p-x.scope",
        "slice": "a.slice",
        "user": False,
        "started": True,
        "inner": {"driver": "v2", "path": str(tmp_path), "rootless": False},
    }
    made = driver_from_state(state)
    assert isinstance(made, CgroupSystemd)
    assert made.to_state() == state
    return made


def test_the_state_brings_the_same_driver_back(driver: CgroupSystemd, tmp_path: Path) -> None:
    assert driver.paths() == {"": str(tmp_path)}
    assert driver.exists()


def test_a_process_that_comes_later_is_born_inside(driver: CgroupSystemd) -> None:
    fd = driver.clone_fd()
    assert fd >= 0
    os.close(fd)


def test_half_of_a_bandwidth_is_completed_by_what_is_set(driver: CgroupSystemd) -> None:
    assert driver._with_bandwidth({"cpu": {"quota": 15000}})["cpu"] == {"quota": 15000, "period": 60000}
    assert driver._with_bandwidth({"cpu": {"period": 50000}})["cpu"] == {"quota": 30000, "period": 50000}
    assert driver._with_bandwidth({"cpu": {"shares": 5}}) == {"cpu": {"shares": 5}}
