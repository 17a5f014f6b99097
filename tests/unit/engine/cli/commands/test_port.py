"""`wherry port`: what docker has is in test_simple_verbs; here is what it has not."""

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run

HTTP = {"HostIp": "", "HostPort": "8080"}


def running(engine: FakeEngine, **bindings: list[dict[str, str]] | None) -> None:
    bound = {f"{name.removeprefix('p')}/tcp": entries for name, entries in bindings.items()}
    engine.answers["GET /containers/c/json"] = (
        200,
        {"HostConfig": {"PortBindings": bound}, "NetworkSettings": {"Ports": {"80/tcp": [HTTP]}}},
    )
    engine.answers["POST /containers/c/update"] = (200, {"Warnings": None})


def sent(engine: FakeEngine) -> object:
    return engine.sent("POST", "/containers/c/update").json()


def test_a_port_is_added_to_those_there_are(engine: FakeEngine, run: Run) -> None:
    running(engine, p80=[HTTP])
    assert run("port", "add", "c", "127.0.0.1:5300:53/udp").output == "80/tcp -> :8080\n"
    assert sent(engine) == {"PortBindings": {"80/tcp": [HTTP], "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "5300"}]}}


def test_adding_what_is_there_changes_nothing(engine: FakeEngine, run: Run) -> None:
    running(engine, p80=[HTTP])
    run("port", "add", "c", "8080:80")
    assert sent(engine) == {"PortBindings": {"80/tcp": [HTTP]}}


def test_every_binding_of_a_port_is_taken_away_unless_one_is_said(engine: FakeEngine, run: Run) -> None:
    other = {"HostIp": "127.0.0.1", "HostPort": "8081"}
    running(engine, p80=[HTTP, other])
    run("port", "rm", "c", "8081:80")
    assert sent(engine) == {"PortBindings": {"80/tcp": [HTTP]}}


def test_the_last_binding_takes_the_port_along(engine: FakeEngine, run: Run) -> None:
    running(engine, p80=None)
    run("port", "rm", "c", "80")
    assert sent(engine) == {"PortBindings": {}}


def test_what_is_not_published_cannot_be_taken_away(engine: FakeEngine, run: Run) -> None:
    running(engine, p80=[HTTP])
    assert "no such published port of c: 9000:80/tcp" in run("port", "rm", "c", "9000:80").stderr


def test_a_container_may_be_called_add(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /containers/add/json"] = (200, {"NetworkSettings": {"Ports": {"80/tcp": [HTTP]}}})
    assert run("port", "add", "80").output == ":8080\n"
    assert "at most 2 arguments" in run("port", "c", "80", "81").stderr
