"""`wherry volume`."""

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_flags_become_the_body(engine: FakeEngine, run: Run) -> None:
    """Without a name the engine finds one."""
    engine.answers["POST /volumes/create"] = (201, {"Name": "made-up"})
    assert run("volume", "create", "--label", "a=1", "-o", "type=tmpfs", "-d", "other").output == "made-up\n"
    assert engine.sent("POST", "/volumes/create").json() == {
        "Name": "",
        "Driver": "other",
        "DriverOpts": {"type": "tmpfs"},
        "Labels": {"a": "1"},
    }


def test_the_list_as_table_names_and_template(engine: FakeEngine, run: Run) -> None:
    """Filters go to the engine."""
    engine.answers["GET /volumes"] = (
        200,
        {"Volumes": [{"Name": "v", "Driver": "local", "Mountpoint": "/m", "Scope": "local", "Labels": {"a": "1"}}]},
    )
    assert run("volume", "ls").output.splitlines() == ["DRIVER    VOLUME NAME", "local     v"]
    assert run("volume", "ls", "-q").output == "v\n"
    assert run("volume", "ls", "--format", "{{.Name}} {{.Mountpoint}} {{.Labels}}").output == "v /m a=1\n"
    run("volume", "ls", "-f", "dangling=true")
    assert engine.requests[-1].query == {"filters": ['{"dangling": ["true"]}']}


def test_no_volumes_are_null(engine: FakeEngine, run: Run) -> None:
    """Docker's API says so."""
    engine.answers["GET /volumes"] = (200, {"Volumes": None})
    assert run("volume", "ls", "-q").output == ""


def test_removing_goes_on_after_a_refusal(engine: FakeEngine, run: Run) -> None:
    """And ends with 1."""
    engine.answers |= {
        "DELETE /volumes/a": (409, {"message": "remove a: volume is in use"}),
        "DELETE /volumes/b": (204, None),
    }
    result = run("volume", "rm", "-f", "a", "b")
    assert result.stdout == "b\n"
    assert "volume is in use" in result.stderr
    assert result.exit_code == 1
    assert engine.requests[0].query == {"force": ["1"]}
