"""resume needs something that is paused."""

from tests.fakes.lowrt_containers import Stage
from tests.unit.lowrt.commands.conftest import Call


def test_a_stopped_container_is_refused(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    assert lowrt("resume", "c1") == (1, "", "container not paused\n")


def test_an_unknown_one_too(lowrt: Call) -> None:
    assert lowrt("resume", "c1") == (1, "", "container does not exist\n")
