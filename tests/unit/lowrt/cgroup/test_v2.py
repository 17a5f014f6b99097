"""The v2 driver, on an ordinary folder in the cgroup's place."""

from pathlib import Path

import pytest

from lowrt.cgroup.driver import driver_from_state
from lowrt.cgroup.files import CgroupError
from lowrt.cgroup.v2 import CgroupV2, make_path


def driver_of(folder: Path) -> CgroupV2:
    folder.mkdir(exist_ok=True)
    return CgroupV2(str(folder), {}, set(), rootless=False, chosen=False)


def test_only_paths_below_the_mount_point_are_made() -> None:
    with pytest.raises(CgroupError, match="invalid cgroup path /etc/box"):
        make_path("/etc/box", needs_domain=False)


def test_values_are_written_and_unified_has_the_last_word(tmp_path: Path) -> None:
    driver = driver_of(tmp_path / "box")
    for name in ("pids.max", "memory.max"):
        (tmp_path / "box" / name).touch()
    driver.apply({"pids": {"limit": 5}, "memory": {"limit": 10}, "unified": {"pids.max": "9"}}, devices=False)
    assert (tmp_path / "box" / "pids.max").read_text() == "9"
    assert (tmp_path / "box" / "memory.max").read_text() == "10"


def test_a_unified_value_of_a_missing_controller_names_it(tmp_path: Path) -> None:
    driver = driver_of(tmp_path / "box")
    (tmp_path / "box" / "cgroup.controllers").write_text("memory pids\n")
    with pytest.raises(CgroupError, match=r'"hugetlb\.2MB\.max" can\'t be set: controller "hugetlb" not available'):
        driver.apply({"unified": {"hugetlb.2MB.max": "1"}}, devices=False)
    with pytest.raises(CgroupError, match=r'unable to set unified resource "memory\.nope"'):
        driver.apply({"unified": {"memory.nope": "1"}}, devices=False)


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        ({"limit": 50}, "rejecting memory limit 50 <= usage 100"),
        ({"limit": 500, "swap": 90, "reservation": 1}, None),
    ],
)
def test_usage_is_looked_at_before_a_limit_if_asked(
    tmp_path: Path, memory: dict[str, object], words: str | None
) -> None:
    driver = driver_of(tmp_path / "box")
    (tmp_path / "box" / "memory.current").write_text("100")
    with pytest.raises(CgroupError) as caught:
        driver.apply({"memory": memory | {"checkBeforeUpdate": True}}, devices=False)
    assert (words or "memory+swap limit should be >= memory limit") in str(caught.value)


def test_a_cgroup_in_use_is_not_taken_over(tmp_path: Path) -> None:
    driver = driver_of(tmp_path / "box")
    (tmp_path / "box" / "cgroup.procs").write_text("1\n")
    with pytest.raises(CgroupError, match="container's cgroup is not empty: 1 process"):
        driver.create()


def test_controllers_have_no_folders_of_their_own_to_enter(tmp_path: Path) -> None:
    driver = driver_of(tmp_path / "box")
    with pytest.raises(CgroupError, match="unknown controller cpu"):
        driver.enter(1, {"cpu": "x"})


def test_the_state_gives_the_driver_back(tmp_path: Path) -> None:
    driver = driver_of(tmp_path / "box")
    assert driver_from_state(driver.to_state()).paths() == {"": str(tmp_path / "box")}
    with pytest.raises(CgroupError, match="unknown cgroup driver 'v9'"):
        driver_from_state({"driver": "v9"})


def test_an_ordinary_user_without_delegation_does_without() -> None:
    driver = CgroupV2("", {}, set(), rootless=True, chosen=False)
    driver.enter(1)
    driver.enter_self(cloned=False)
    driver.apply({}, devices=True)
    driver.thaw()
    driver.destroy()
    assert (driver.paths(), driver.exists(), driver.is_frozen(), driver.clone_fd()) == ({}, False, False, -1)


def test_where_controllers_are_enabled_below_exec_follows_init(tmp_path: Path) -> None:
    driver = driver_of(tmp_path / "box")
    (tmp_path / "box" / "cgroup.procs").touch()
    (tmp_path / "box" / "cgroup.subtree_control").write_text("\n")
    driver.follow(0)  # nothing is enabled: nobody is asked where init is
    driver.enter(7)
    assert (tmp_path / "box" / "cgroup.procs").read_text() == "7"
    (tmp_path / "box" / "cgroup.subtree_control").write_text("memory pids\n")
    with pytest.raises(FileNotFoundError):
        driver.follow(2**22 + 1)
