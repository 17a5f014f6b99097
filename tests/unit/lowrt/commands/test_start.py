"""start of what cannot be started."""

from tests.fakes.lowrt_containers import Stage, living_process
from tests.unit.lowrt.commands.conftest import Call


def test_a_stopped_container(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    assert lowrt("start", "c1") == (1, "", "cannot start a container that has stopped\n")


def test_a_running_container(stage: Stage, lowrt: Call) -> None:
    with living_process() as pid:
        stage.record("c1", pid=pid)
        assert lowrt("start", "c1") == (1, "", "cannot start an already running container\n")
