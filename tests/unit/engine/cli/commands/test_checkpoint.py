"""`wherry checkpoint`, and `wherry start --checkpoint`."""

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_create_ends_the_container_unless_it_is_to_go_on(engine: FakeEngine, run: Run) -> None:
    engine.answers["POST /containers/web/checkpoints"] = (201, None)
    assert run("checkpoint", "create", "web", "one").output == "one\n"
    body = engine.sent("POST", "/containers/web/checkpoints").json()
    assert body == {"CheckpointID": "one", "CheckpointDir": "", "Exit": True}


def test_create_may_leave_it_running_and_write_elsewhere(engine: FakeEngine, run: Run) -> None:
    engine.answers["POST /containers/web/checkpoints"] = (201, None)
    run("checkpoint", "create", "--leave-running", "--checkpoint-dir", "/there", "web", "one")
    body = engine.sent("POST", "/containers/web/checkpoints").json()
    assert (body["Exit"], body["CheckpointDir"]) == (False, "/there")


def test_ls_prints_names(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /containers/web/checkpoints"] = (200, [{"Name": "one"}, {"Name": "two"}])
    assert run("checkpoint", "ls", "web").output.split() == ["CHECKPOINT", "NAME", "one", "two"]
    assert engine.sent("GET", "/containers/web/checkpoints").query == {}


def test_rm_deletes(engine: FakeEngine, run: Run) -> None:
    engine.answers["DELETE /containers/web/checkpoints/one"] = (204, None)
    assert run("checkpoint", "rm", "--checkpoint-dir", "/there", "web", "one").exit_code == 0
    assert engine.sent("DELETE", "/containers/web/checkpoints/one").query == {"dir": ["/there"]}


def test_start_passes_the_checkpoint_on(engine: FakeEngine, run: Run) -> None:
    engine.answers["POST /containers/web/start"] = (204, None)
    run("start", "--checkpoint", "one", "web")
    assert engine.sent("POST", "/containers/web/start").query == {"checkpoint": ["one"]}
    assert "you cannot restore multiple containers at once" in run("start", "--checkpoint", "one", "a", "b").stderr
