"""`wherry attach`."""

import pytest

from engine.cli.streams import HEADER
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def prepared(engine: FakeEngine, *, running: bool = True, paused: bool = False, tty: bool = False) -> None:
    """One container, and an output of one line."""
    document = {
        "Id": "c1",
        "State": {"Running": running, "Paused": paused},
        "Config": {"Tty": tty, "OpenStdin": True},
    }
    engine.answers |= {
        "GET /containers/web/json": (200, document),
        "GET /containers/c1/json": (200, document),
        "POST /containers/c1/attach": (101, b"raw\n" if tty else HEADER.pack(1, 3) + b"hi\n"),
        "POST /containers/c1/wait": (200, {"StatusCode": 4}),
    }


def test_it_ends_with_the_container_s_code(engine: FakeEngine, run: Run) -> None:
    """Streams are asked for by id: the name may change meanwhile."""
    prepared(engine)
    result = run("attach", "--no-stdin", "--detach-keys", "ctrl-a", "web")
    assert result.exit_code == 4
    assert engine.sent("POST", "/containers/c1/attach").query == {
        "stream": ["1"],
        "stdin": ["0"],
        "stdout": ["1"],
        "stderr": ["1"],
        "detachKeys": ["ctrl-a"],
    }


def test_input_goes_along_where_the_container_reads(engine: FakeEngine, run: Run) -> None:
    """A closed input of ours is the end of its."""
    prepared(engine)
    assert run("attach", "web", stdin="").exit_code == 4
    assert engine.sent("POST", "/containers/c1/attach").query["stdin"] == ["1"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"running": False}, "You cannot attach to a stopped container, start it first"),
        ({"paused": True}, "You cannot attach to a paused container, unpause it first"),
        ({"tty": True}, "the input device is not a TTY"),
    ],
)
def test_what_cannot_be_attached_to(engine: FakeEngine, run: Run, state: dict[str, bool], words: str) -> None:
    """Said before anything is asked of the engine."""
    prepared(engine, **state)
    result = run("attach", "web", stdin="")
    assert words in result.stderr
    assert result.exit_code == 1
    assert [request.method for request in engine.requests] == ["GET"]


def test_a_terminal_that_was_left_by_its_keys_ends_with_0(engine: FakeEngine, run: Run) -> None:
    """The process goes on, so there is no code."""
    prepared(engine, tty=True)
    assert run("attach", "--no-stdin", "web").exit_code == 0
