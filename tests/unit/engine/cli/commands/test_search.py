"""`wherry search`."""

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_what_an_engine_finds_is_a_table(engine: FakeEngine, run: Run) -> None:
    found = {"name": "busybox", "description": "Tiny\n" + "x" * 60, "star_count": 7, "is_official": True}
    engine.answers["GET /images/search"] = (200, [found])
    line = run("search", "busy", "--limit", "1", "-f", "is-official=true").stdout.splitlines()[1]
    assert line.split()[0::2] == ["busybox", "x" * 39 + "…", "[OK]"]
    assert engine.sent("GET", "/images/search").query["term"] == ["busy"]


def test_an_engine_that_refuses_says_so(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /images/search"] = (501, {"message": "searching Docker Hub is not supported"})
    result = run("search", "busy")
    assert (result.exit_code, "searching Docker Hub is not supported" in result.stderr) == (1, True)
