"""The prunes."""

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_nothing_goes_without_a_yes(engine: FakeEngine, run: Run) -> None:
    """The question names what would go."""
    result = run("container", "prune", stdin="n\n")
    assert "all stopped containers" in result.output
    assert result.exit_code == 1
    assert not engine.requests


def test_what_went_is_listed_with_the_space(engine: FakeEngine, run: Run) -> None:
    """As docker lists it."""
    engine.answers["POST /images/prune"] = (200, {"ImagesDeleted": [{"Untagged": "a:1"}], "SpaceReclaimed": 2000})
    output = run("image", "prune", "-af").output
    assert output == "Deleted Images:\nuntagged: a:1\n\nTotal reclaimed space: 2kB\n"
    assert engine.sent("POST", "/images/prune").query == {"filters": ['{"dangling": ["false"]}']}


def test_everything_is_pruned_in_the_order_that_frees_most(engine: FakeEngine, run: Run) -> None:
    """Containers hold networks, volumes and images."""
    for kind in ("containers", "networks", "volumes", "images"):
        engine.answers[f"POST /{kind}/prune"] = (200, {"SpaceReclaimed": 1})
    run("system", "prune", "-f", "--volumes")
    assert [request.path.split("/")[1] for request in engine.requests] == [
        "containers",
        "networks",
        "volumes",
        "images",
    ]


def test_a_dry_run_asks_nothing_and_says_what_would_go(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /version"] = (200, {"Platform": {"Name": "Wherry Engine"}})
    engine.answers["POST /containers/prune"] = (200, {"ContainersDeleted": ["c1"], "SpaceReclaimed": 3000})
    output = run("container", "prune", "--dry-run").output
    assert output == "Would delete Containers:\nc1\n\nTotal reclaimable space: 3kB\n"
    assert engine.sent("POST", "/containers/prune").query["dryrun"] == ["1"]


def test_an_engine_that_would_remove_is_not_asked_for_a_dry_run(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /version"] = (200, {"Platform": {"Name": "Docker Engine - Community"}})
    result = run("volume", "prune", "--dry-run")
    assert "--dry-run needs an engine of wherry" in result.output
    assert result.exit_code == 1
    assert [request.path for request in engine.requests] == ["/version"]
