"""Names for the shell."""

import threading
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from engine.cli import completing
from engine.cli.contexts import Context
from engine.cli.contexts import save as save_context
from engine.cli.main import wherry
from tests.fakes.engine_http import FakeEngine, Request

CONTAINERS = [{"Names": ["/web"], "State": "running"}, {"Names": ["/db"], "State": "exited"}]


@pytest.fixture
def filled(engine: FakeEngine) -> FakeEngine:
    """Objects of each kind; containers are chosen by the filter."""

    def containers(request: Request) -> tuple[int, object]:
        filters = request.query.get("filters", [""])[0]
        return 200, [one for one in CONTAINERS if not filters or str(one["State"]) in filters]

    engine.answers["GET /containers/json"] = containers
    engine.answers["GET /images/json"] = (200, [{"RepoTags": ["busybox:latest", "r.io/a:1"]}, {"RepoTags": None}])
    engine.answers["GET /networks"] = (200, [{"Name": "bridge"}])
    engine.answers["GET /volumes"] = (200, {"Volumes": [{"Name": "data"}]})
    return engine


def offered(address: str, *words: str) -> list[str]:
    """What a shell is given for the last word."""
    completer = ShellComplete(wherry, {}, "wherry", "_WHERRY_COMPLETE")
    return [item.value for item in completer.get_completions(["-H", address, *words[:-1]], words[-1])]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("rm", ""), ["db", "web"]),
        (("rm", "web", ""), ["db"]),
        (("start", ""), ["db"]),
        (("stop", ""), ["web"]),
        (("exec", "-it", "w"), ["web"]),
        (("container", "logs", ""), ["db", "web"]),
        (("run", "--rm", "b"), ["busybox", "busybox:latest"]),
        (("rmi", "r"), ["r.io/a:1"]),
        (("tag", "bu"), ["busybox", "busybox:latest"]),
        (("volume", "rm", ""), ["data"]),
        (("network", "rm", ""), ["bridge"]),
        (("network", "inspect", ""), ["bridge"]),
        (("network", "connect", "bridge", ""), ["db", "web"]),
        (("inspect", "d"), ["data", "db"]),
        (("cp", "w"), ["web:"]),
        (("rename", "web", ""), []),
    ],
)
def test_arguments_that_are_names(
    filled: FakeEngine, served: tuple[FakeEngine, str], words: tuple[str, ...], names: list[str]
) -> None:
    assert offered(served[1], *words) == names


def test_flags_and_choices_are_still_clicks(filled: FakeEngine, served: tuple[FakeEngine, str]) -> None:
    assert "--volumes" in offered(served[1], "rm", "--vol")
    assert offered(served[1], "completion", "z") == ["zsh"]


def test_nobody_there_is_no_names() -> None:
    assert offered("unix:///nowhere.sock", "rm", "") == []


def test_contexts_have_names_without_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    save_context(Context("far", "ssh://far"))
    assert offered("unix:///nowhere.sock", "context", "use", "") == ["default", "far"]
    assert offered("unix:///nowhere.sock", "context", "create", "f") == []


def test_an_engine_that_hangs_does_not_hang_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "_SECONDS", 0.05)
    forever = threading.Event()
    try:
        assert completing._in_time(lambda: [str(forever.wait(30))]) == []
    finally:
        forever.set()
