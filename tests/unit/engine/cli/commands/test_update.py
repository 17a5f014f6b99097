"""`wherry update`."""

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_only_what_was_said_is_changed(engine: FakeEngine, run: Run) -> None:
    """In the API's names and units."""
    engine.answers["POST /containers/c/update"] = (200, {"Warnings": None})
    run("update", "-m", "64m", "--cpus", "0.5", "--restart", "always", "c")
    assert engine.sent("POST", "/containers/c/update").json() == {
        "Memory": 64 << 20,
        "NanoCpus": 500_000_000,
        "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
    }


def test_nothing_said_is_refused(run: Run) -> None:
    """It would change nothing."""
    assert "one or more flags" in run("update", "c").stderr
