"""The v1 driver, on ordinary folders in the hierarchies' place."""

from pathlib import Path

import pytest

from lowrt.cgroup.files import CgroupError
from lowrt.cgroup.v1 import CgroupV1, inside


def folders_of(tmp_path: Path, *controllers: str) -> dict[str, str]:
    return {name: str(tmp_path / name / "box") for name in controllers}


def driver_of(
    folders: dict[str, str], resources: dict[str, object] | None = None, *, rootless: bool = False
) -> CgroupV1:
    return CgroupV1(folders, resources or {}, set(), rootless=rootless, chosen=False)


def test_each_hierarchy_gets_its_folder(tmp_path: Path) -> None:
    folders = folders_of(tmp_path, "devices", "pids")
    driver = driver_of(folders)
    assert not driver.exists()
    driver.create()
    assert driver.exists()
    assert all(Path(folder).is_dir() for folder in folders.values())
    driver.destroy()
    assert not any(Path(folder).exists() for folder in folders.values())


def test_a_cgroup_with_processes_in_it_is_not_taken_over(tmp_path: Path) -> None:
    folders = folders_of(tmp_path, "devices")
    Path(folders["devices"]).mkdir(parents=True)
    (Path(folders["devices"]) / "cgroup.procs").write_text("1\n2\n")
    with pytest.raises(CgroupError, match=r"^container's cgroup is not empty: 2 process\(es\) found$"):
        driver_of(folders).create()


def test_a_cpuset_inherits_what_its_parents_have(tmp_path: Path) -> None:
    top = tmp_path / "cpuset"
    for folder in (top, top / "mid", top / "mid" / "box"):
        folder.mkdir()
        for name in ("cpuset.cpus", "cpuset.mems"):
            (folder / name).write_text("0-3\n" if folder == top else "\n")
    folders = {"devices": str(tmp_path / "devices" / "box"), "cpuset": str(top / "mid" / "box")}
    driver_of(folders, {"cpu": {"cpus": "1"}}).create()
    assert (top / "mid" / "cpuset.cpus").read_text() == "0-3"
    assert (top / "mid" / "box" / "cpuset.cpus").read_text().startswith("1")
    assert (top / "mid" / "box" / "cpuset.mems").read_text() == "0-3"


def test_a_limit_for_a_controller_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    driver = driver_of(folders_of(tmp_path, "devices"))
    with pytest.raises(CgroupError, match=r"^cannot set pids limit: container could not join or create cgroup$"):
        driver.apply({"pids": {"limit": 5}}, devices=False)
    with pytest.raises(CgroupError, match="cannot set memory limit"):
        driver.apply({"memory": {"limit": 5}}, devices=False)


def test_unified_is_no_matter_for_v1(tmp_path: Path) -> None:
    with pytest.raises(CgroupError, match="cannot use unified on cgroup v1"):
        driver_of(folders_of(tmp_path, "devices")).apply({"unified": {"memory.high": "1"}}, devices=False)


def test_values_are_written_where_they_belong(tmp_path: Path) -> None:
    folders = folders_of(tmp_path, "devices", "pids", "memory")
    driver = driver_of(folders)
    driver.create()
    (Path(folders["pids"]) / "pids.max").touch()
    (Path(folders["memory"]) / "memory.limit_in_bytes").write_text("9223372036854771712")
    driver.apply({"pids": {"limit": 5}, "memory": {"limit": 1234567890123456789}}, devices=False)
    assert (Path(folders["pids"]) / "pids.max").read_text() == "5"
    assert (Path(folders["memory"]) / "memory.limit_in_bytes").read_text() == "1234567890123456789"


def test_a_process_enters_each_hierarchy_once(tmp_path: Path) -> None:
    shared = str(tmp_path / "cpu,cpuacct" / "box")
    driver = driver_of({"devices": str(tmp_path / "devices" / "box"), "cpu": shared, "cpuacct": shared})
    driver.create()
    for folder in set(driver.paths().values()):
        (Path(folder) / "cgroup.procs").touch()
        (Path(folder) / "tasks").touch()
    driver.enter(77)
    assert (Path(shared) / "cgroup.procs").read_text() == "77"
    driver.enter_self(cloned=False)
    assert (Path(shared) / "tasks").read_text() == "0"


def test_an_unknown_controller_below_is_refused(tmp_path: Path) -> None:
    driver = driver_of(folders_of(tmp_path, "devices"))
    with pytest.raises(CgroupError, match="unknown controller moon in SubCgroupPaths"):
        driver.enter(1, {"moon": "/x"})


@pytest.mark.parametrize("sub", ["..", "../other", "a/../../b"])
def test_a_path_below_stays_below(sub: str) -> None:
    with pytest.raises(CgroupError, match="bad sub cgroup path"):
        inside("/sys/fs/cgroup/pids/box", sub)


def test_the_state_gives_the_driver_back(tmp_path: Path) -> None:
    from lowrt.cgroup.driver import driver_from_state

    driver = driver_of(folders_of(tmp_path, "devices", "pids"))
    assert driver_from_state(driver.to_state()).paths() == driver.paths()


def test_without_a_freezer_there_is_nothing_frozen_and_no_freezing(tmp_path: Path) -> None:
    driver = driver_of(folders_of(tmp_path, "devices"))
    assert not driver.is_frozen()
    driver.thaw()
    with pytest.raises(CgroupError, match="cannot toggle freezer"):
        driver.freeze()
