"""delete: who may go, and what is forgiven."""

from tests.fakes.lowrt_containers import Stage, living_process
from tests.unit.lowrt.commands.conftest import Call


def test_a_running_container_stays(stage: Stage, lowrt: Call) -> None:
    with living_process() as pid:
        stage.record("c1", pid=pid)
        refused = lowrt("delete", "c1")
        assert refused == (1, "", "cannot delete container c1 that is not stopped: running\n")
        assert (stage.root / "c1" / "state.json").exists()


def test_a_stopped_one_goes(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    assert lowrt("delete", "c1") == (0, "", "")
    assert not (stage.root / "c1").exists()


def test_an_unknown_one_is_forgiven_by_force(lowrt: Call) -> None:
    assert lowrt("delete", "c1")[0] == 1
    assert lowrt("delete", "--force", "c1") == (0, "", "")


def test_a_directory_without_a_state_is_cleared_away(stage: Stage, lowrt: Call) -> None:
    (stage.root / "c1").mkdir(parents=True)
    (stage.root / "c1" / "lock").touch()
    assert lowrt("delete", "c1") == (1, "", "container does not exist\n")
    assert not (stage.root / "c1").exists()


def test_an_id_that_leads_elsewhere_removes_nothing(stage: Stage, lowrt: Call) -> None:
    stage.root.mkdir()
    (stage.folder / "victim").mkdir()
    assert lowrt("delete", "--force", "../victim")[0] == 1
    assert (stage.folder / "victim").exists()
