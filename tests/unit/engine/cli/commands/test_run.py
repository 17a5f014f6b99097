"""`wherry run`: the order of its requests, and its exit codes."""

import pytest

from engine.cli.commands.run import failure_code
from engine.cli.streams import HEADER
from tests.fakes.engine_http import FakeEngine, Request
from tests.unit.engine.cli.conftest import Run


def prepared(engine: FakeEngine, code: int = 0) -> None:
    engine.answers |= {
        "POST /containers/create": (201, {"Id": "c1", "Warnings": ["careful"]}),
        "POST /containers/c1/attach": (101, HEADER.pack(1, 3) + b"hi\n"),
        "POST /containers/c1/wait": (200, {"StatusCode": code}),
        "POST /containers/c1/start": (204, None),
    }


def test_it_attaches_and_waits_before_it_starts(engine: FakeEngine, run: Run) -> None:
    """A short life must lose neither its output nor its end."""
    prepared(engine, 3)
    result = run("run", "-i", "--rm", "busybox", "sh", "-c", "x", stdin="")
    assert [request.path.rpartition("/")[2] for request in engine.requests] == ["create", "attach", "wait", "start"]
    assert engine.sent("POST", "/containers/c1/wait").query == {"condition": ["removed"]}
    assert result.exit_code == 3
    assert "WARNING: careful" in result.stderr


def test_detached_it_prints_the_id(engine: FakeEngine, run: Run) -> None:
    """And waits for nothing."""
    prepared(engine)
    assert run("run", "-d", "busybox").stdout == "c1\n"


def test_a_missing_image_is_pulled_once(engine: FakeEngine, run: Run) -> None:
    """Unless the person said never."""
    prepared(engine)
    pulled: list[Request] = []

    def create(_request: Request) -> tuple[int, object]:
        if pulled:
            return 201, {"Id": "c1"}
        return 404, {"message": "No such image: busybox:latest"}

    def pull(request: Request) -> tuple[int, object]:
        pulled.append(request)
        return 200, b'{"status":"Pulling"}\n'

    engine.answers["POST /containers/create"] = create
    engine.answers["POST /images/create"] = pull
    result = run("run", "-d", "busybox")
    assert "Unable to find image 'busybox:latest' locally" in result.stderr
    assert pulled[0].query == {"fromImage": ["busybox"], "tag": ["latest"]}
    pulled.clear()
    assert run("run", "-d", "--pull", "never", "busybox").exit_code == 125
    assert not pulled


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ('exec: "nope": executable file not found in $PATH', 127),
        ('exec: "/x": stat /x: no such file or directory', 127),
        ('exec: "/etc": is a directory: permission denied', 126),
        ("unknown or invalid runtime name: x", 125),
    ],
)
def test_failures_have_docker_s_codes(reason: str, code: int) -> None:
    """Scripts branch on them."""
    assert failure_code(reason) == code


def test_a_start_that_fails_names_the_reason_and_the_help(engine: FakeEngine, run: Run) -> None:
    """On standard error."""
    prepared(engine)
    engine.answers["POST /containers/c1/start"] = (400, {"message": "executable file not found"})
    result = run("run", "busybox", "nope")
    assert result.exit_code == 127
    assert "wherry: Error response from daemon: executable file not found" in result.stderr


def test_the_id_file_must_not_be_there(engine: FakeEngine, run: Run, tmp_path: object) -> None:
    """It belongs to another container."""
    prepared(engine)
    file = f"{tmp_path}/cid"
    assert run("run", "-d", "--cidfile", file, "busybox").exit_code == 0
    assert run("run", "-d", "--cidfile", file, "busybox").exit_code == 125
