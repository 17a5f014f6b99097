"""`wherry exec`."""

from engine.cli.streams import HEADER
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_the_exit_code_is_the_process_s(engine: FakeEngine, run: Run) -> None:
    """Everything after the container's name is the command."""
    engine.answers |= {
        "POST /containers/c/exec": (201, {"Id": "e"}),
        "POST /exec/e/start": (101, HEADER.pack(1, 1) + b"x"),
        "GET /exec/e/json": (200, {"Running": False, "ExitCode": 7}),
    }
    result = run("exec", "-e", "A=1", "-u", "0:0", "c", "ls", "-l")
    assert result.exit_code == 7
    body = engine.sent("POST", "/containers/c/exec").json()
    assert (body["Cmd"], body["Env"], body["User"], body["AttachStdin"]) == (["ls", "-l"], ["A=1"], "0:0", False)


def test_detached_it_only_starts(engine: FakeEngine, run: Run) -> None:
    """Nobody waits."""
    engine.answers |= {"POST /containers/c/exec": (201, {"Id": "e"}), "POST /exec/e/start": (200, None)}
    assert run("exec", "-d", "c", "x").exit_code == 0
    assert engine.sent("POST", "/exec/e/start").json() == {"Detach": True, "Tty": False}
