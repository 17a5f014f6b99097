"""`wherry events`."""

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run

EVENT = (
    b'{"Type":"container","Action":"die","timeNano":1500000000123456789,'
    b'"Actor":{"ID":"c","Attributes":{"b":"2","a":"1"}}}\n'
)


def test_an_event_is_a_line(engine: FakeEngine, run: Run) -> None:
    """Time, kind, what happened, to whom."""
    engine.answers["GET /events"] = (200, EVENT)
    line = run("events", "--since", "1", "-f", "type=container").output
    assert ".123456789" in line
    assert line.rstrip().endswith("container die c (a=1, b=2)")
    assert run("events", "--format", "{{.Action}}").output == "die\n"
