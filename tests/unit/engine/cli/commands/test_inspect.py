"""`wherry inspect`."""

import json

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_every_kind_is_asked_until_one_knows_the_name(engine: FakeEngine, run: Run) -> None:
    """Containers first."""
    engine.answers["GET /images/x/json"] = (200, {"Id": "image"})
    assert json.loads(run("inspect", "x").output) == [{"Id": "image"}]
    assert [request.path for request in engine.requests] == ["/containers/x/json", "/images/x/json"]


def test_a_missing_one_is_named_after_those_that_were_found(engine: FakeEngine, run: Run) -> None:
    """And the command ends with 1."""
    engine.answers["GET /networks/n"] = (200, {"Id": "n"})
    engine.answers["GET /networks/gone"] = (404, {"message": "network gone not found"})
    result = run("network", "inspect", "n", "gone", "-f", "{{.Id}}")
    assert result.stdout == "n\n"
    assert result.stderr == "Error response from daemon: network gone not found\n"
    assert result.exit_code == 1
    assert run("inspect", "gone").stderr == "Error: No such object: gone\n"


def test_an_unknown_type_is_refused(run: Run) -> None:
    """With the known ones."""
    assert "container, image, network, volume" in run("inspect", "--type", "x", "y").stderr


def test_an_image_is_inspected_for_a_platform(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /images/x/json"] = (200, {"Id": "image"})
    assert run("image", "inspect", "--platform", "linux/arm64", "x").exit_code == 0
    assert engine.sent("GET", "/images/x/json").query == {"platform": ['{"os": "linux", "architecture": "arm64"}']}


def test_diagnostics_and_sizes_are_asked_for_by_their_flags(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /networks/n"] = (200, {"Id": "n"})
    run("network", "inspect", "-v", "n")
    assert engine.sent("GET", "/networks/n").query == {"verbose": ["1"]}
    engine.answers["GET /containers/c/json"] = (200, {"Id": "c"})
    run("container", "inspect", "--size", "c")
    assert engine.sent("GET", "/containers/c/json").query == {"size": ["1"]}
