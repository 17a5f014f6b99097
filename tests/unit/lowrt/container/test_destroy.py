"""The end of a container, in order."""

import os
from pathlib import Path

import pytest

from lowrt.container import destroy
from tests.fakes.lowrt_containers import CONFIG, FakeCgroup, ListLog, Stage, living_process


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_the_cgroup_goes_first_and_the_state_with_it(stage: Stage) -> None:
    cgroup = FakeCgroup()
    container = stage.adopt(stage.record(), cgroup)
    destroy.destroy(container, stage.log)
    assert ("destroy",) in cgroup.calls
    assert not os.path.exists(container.dir.path)


def test_a_failing_poststop_hook_is_a_warning(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONFIG, "hooks", {"poststop": [{"path": "/nonexistent"}]})
    log = ListLog()
    destroy.destroy(stage.adopt(stage.record(), FakeCgroup()), log)
    assert [level for level, _ in log.lines] == ["warning"]


def test_kill_and_wait_ends_init_and_whoever_is_left(stage: Stage) -> None:
    with living_process() as pid:
        cgroup = FakeCgroup()
        destroy.kill_and_wait(stage.adopt(stage.record(pid=pid), cgroup))
        assert ("kill", 9) in cgroup.calls
        assert os.waitpid(pid, os.WNOHANG)[0] == pid


def test_kill_and_wait_is_content_with_a_dead_init(stage: Stage) -> None:
    cgroup = FakeCgroup()
    destroy.kill_and_wait(stage.adopt(stage.record(), cgroup))
    assert cgroup.calls == [("kill", 9)]


def test_removing_state_that_is_gone_is_fine(stage: Stage) -> None:
    container = stage.record()
    destroy.remove_state(container.dir)
    destroy.remove_state(container.dir)


def test_the_state_goes_first_and_the_lock_last(stage: Stage) -> None:
    """Whatever stops it in between."""
    container = stage.record("c1")
    folder = stage.root / "c1"
    (folder / "lock").touch()
    (folder / "in-the-way").mkdir()
    with pytest.raises(IsADirectoryError):
        destroy.remove_state(container.dir)
    assert not (folder / "state.json").exists()
    assert (folder / "lock").exists()
