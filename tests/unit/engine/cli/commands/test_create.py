"""`wherry create`."""

from pathlib import Path

from tests.fakes.engine_http import FakeEngine, Request
from tests.unit.engine.cli.conftest import Run


def test_it_makes_and_prints_and_starts_nothing(engine: FakeEngine, run: Run) -> None:
    """Warnings go to standard error."""
    engine.answers["POST /containers/create"] = (201, {"Id": "c1", "Warnings": ["careful"]})
    result = run("create", "--name", "web", "--platform", "linux/arm64", "-e", "A=1", "busybox", "echo", "-n", "x")
    assert result.stdout == "c1\n"
    assert result.stderr == "WARNING: careful\n"
    request = engine.sent("POST", "/containers/create")
    assert request.query == {"name": ["web"], "platform": ["linux/arm64"]}
    assert (request.json()["Image"], request.json()["Cmd"]) == ("busybox", ["echo", "-n", "x"])
    assert request.json()["Env"] == ["A=1"]
    assert len(engine.requests) == 1


def test_always_pulls_first(engine: FakeEngine, run: Run) -> None:
    """Even what is there."""
    engine.answers |= {
        "POST /images/create": (200, b'{"status":"Pulled"}\n'),
        "POST /containers/create": (201, {"Id": "c1"}),
    }
    assert run("create", "--pull", "always", "-q", "busybox:1").exit_code == 0
    assert [request.path for request in engine.requests] == ["/images/create", "/containers/create"]


def test_a_404_that_is_no_missing_image_pulls_nothing(engine: FakeEngine, run: Run) -> None:
    """A network may be missing too."""
    engine.answers["POST /containers/create"] = (404, {"message": "network nope not found"})
    assert "network nope not found" in run("create", "--network", "nope", "busybox").stderr
    assert len(engine.requests) == 1


def test_a_pull_that_fails_is_the_answer(engine: FakeEngine, run: Run) -> None:
    """Create is not asked a second time."""
    asked: list[Request] = []

    def create(request: Request) -> tuple[int, object]:
        asked.append(request)
        return 404, {"message": "No such image: nope:latest"}

    engine.answers["POST /containers/create"] = create
    engine.answers["POST /images/create"] = (404, {"message": "pull access denied for nope"})
    result = run("create", "nope")
    assert "Unable to find image 'nope:latest' locally" in result.stderr
    assert "pull access denied for nope" in result.stderr
    assert len(asked) == 1


def test_the_id_goes_to_a_file_of_its_own(engine: FakeEngine, run: Run, tmp_path: Path) -> None:
    """A file that is there belongs to another container."""
    engine.answers["POST /containers/create"] = (201, {"Id": "c1"})
    file = tmp_path / "cid"
    assert run("create", "--cidfile", str(file), "busybox").exit_code == 0
    assert file.read_text() == "c1"
    result = run("create", "--cidfile", str(file), "busybox")
    assert "container ID file found" in result.stderr
    assert len(engine.requests) == 1
