"""What exec decides before anything is forked."""

from pathlib import Path

import pytest

from lowrt.container import execute
from lowrt.errors import FailedPrecondition
from lowrt.linux import constants as c
from tests.fakes.lowrt_containers import FakeCgroup, Stage, living_process


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_it_joins_what_the_container_has(stage: Stage) -> None:
    wanted = c.CLONE_NEWPID | c.CLONE_NEWNS | c.CLONE_NEWNET
    assert execute.target_flags(stage.record()) == wanted


def test_what_a_process_leaves_open_the_container_decides(stage: Stage) -> None:
    with living_process() as pid:
        job = execute.prepare(stage.record(pid=pid), {"args": ["ls"], "cwd": "/"})
    assert job.identity.rlimits == [(7, 1, 2)]
    assert job.identity.capabilities["effective"] == 1 << 5
    assert job.identity.uid == 0
    assert job.state["status"] == "running"


def test_a_process_may_decide_itself(stage: Stage) -> None:
    document = {"args": ["ls"], "cwd": "/", "capabilities": {"bounding": []}, "rlimits": []}
    with living_process() as pid:
        job = execute.prepare(stage.record(pid=pid), document)
    assert job.identity.capabilities["effective"] == 0


def test_a_paused_container_is_refused_unless_that_is_said_to_be_right(stage: Stage) -> None:
    with living_process() as pid:
        container = stage.adopt(stage.record(pid=pid), FakeCgroup(frozen=True))
        with pytest.raises(FailedPrecondition, match="cannot exec in a paused container"):
            execute.check_status(container, ignore_paused=False)
        execute.check_status(container, ignore_paused=True)


def test_a_stopped_container_is_refused(stage: Stage) -> None:
    with pytest.raises(FailedPrecondition, match="cannot exec in a stopped container"):
        execute.check_status(stage.record(), ignore_paused=True)
