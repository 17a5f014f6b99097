"""`wherry start`."""

from engine.cli.streams import HEADER
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def prepared(engine: FakeEngine, *, auto_remove: bool = False, reads: bool = False) -> None:
    """One stopped container that will say a line."""
    engine.answers |= {
        "GET /containers/web/json": (
            200,
            {
                "Id": "c1",
                "Config": {"Tty": False, "OpenStdin": reads},
                "HostConfig": {"AutoRemove": auto_remove},
            },
        ),
        "POST /containers/c1/attach": (101, HEADER.pack(1, 3) + b"hi\n"),
        "POST /containers/c1/wait": (200, {"StatusCode": 5}),
        "POST /containers/c1/start": (204, None),
    }


def test_attached_it_joins_and_waits_before_it_starts(engine: FakeEngine, run: Run) -> None:
    """A short life must lose neither its output nor its end."""
    prepared(engine)
    result = run("start", "-a", "web")
    assert [request.path.rpartition("/")[2] for request in engine.requests] == ["json", "attach", "wait", "start"]
    assert engine.sent("POST", "/containers/c1/wait").query == {"condition": ["next-exit"]}
    assert engine.sent("POST", "/containers/c1/attach").query["stdin"] == ["0"]
    assert result.exit_code == 5


def test_a_container_that_goes_with_its_end_is_waited_for_until_it_has_gone(engine: FakeEngine, run: Run) -> None:
    """Its name is free when the command ends."""
    prepared(engine, auto_remove=True)
    run("start", "-a", "web")
    assert engine.sent("POST", "/containers/c1/wait").query == {"condition": ["removed"]}


def test_input_is_taken_only_by_a_container_that_reads(engine: FakeEngine, run: Run) -> None:
    """-i alone attaches."""
    prepared(engine, reads=True)
    run("start", "-i", "web", stdin="")
    assert engine.sent("POST", "/containers/c1/attach").query["stdin"] == ["1"]


def test_only_one_can_be_attached_to(engine: FakeEngine, run: Run) -> None:
    """There is one terminal."""
    result = run("start", "-a", "one", "two")
    assert "you cannot start and attach multiple containers at once" in result.stderr
    assert engine.requests == []


def test_a_start_that_fails_is_not_waited_for(engine: FakeEngine, run: Run) -> None:
    """The reason is the engine's."""
    prepared(engine)
    engine.answers["POST /containers/c1/start"] = (409, {"message": "is marked for removal"})
    result = run("start", "-a", "web")
    assert result.exit_code == 1
    assert "Error response from daemon: is marked for removal" in result.stderr


def test_many_are_started_in_turn_and_a_failure_does_not_stop_the_rest(engine: FakeEngine, run: Run) -> None:
    """It is told at the end by the exit code."""
    engine.answers["POST /containers/a/start"] = (204, None)
    engine.answers["POST /containers/c/start"] = (304, None)
    result = run("start", "a", "b", "c")
    assert result.stdout == "a\nc\n"
    assert "no /containers/b/start here" in result.stderr
    assert result.exit_code == 1
