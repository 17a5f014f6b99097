"""Flags of docker's that wherry has not."""

import pytest

from engine.cli.errors import CommandFailed
from engine.cli.unbuilt_flags import taken
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


@pytest.mark.parametrize("word", ["--disable-content-trust", "--disable-content-trust=true", "--force-rm=1"])
def test_what_is_so_anyway_is_taken(word: str) -> None:
    assert taken(word, ())


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("--disable-content-trust=false", "there is no content trust"),
        ("--use-api-socket", "--volume"),
        ("--cpu-count=2", "Windows"),
        ("--ingress", "swarm"),
        ("--sharing=all", "cluster"),
    ],
)
def test_what_is_not_built_is_refused_by_name(word: str, why: str) -> None:
    with pytest.raises(CommandFailed, match=f"{word.partition('=')[0]}.* is not built into wherry: .*{why}"):
        taken(word, ())


def test_a_commands_own_flag_is_its_own() -> None:
    """`build --secret`, `inspect --type`."""
    assert not taken("--secret=id=x", {"--secret"})
    assert not taken("--name", ())
    assert not taken("--nonsense", ())


def test_a_command_line_goes_on_without_what_is_so_anyway(engine: FakeEngine, run: Run) -> None:
    engine.answers["POST /containers/create"] = (201, {"Id": "c1"})
    assert run("create", "--disable-content-trust", "--name", "a", "busybox").stdout == "c1\n"
    result = run("create", "--cpu-percent", "10", "busybox")
    assert result.exit_code == 125
    assert "--cpu-percent is not built into wherry" in result.stderr


def test_a_containers_own_words_are_its_own(engine: FakeEngine, run: Run) -> None:
    engine.answers["POST /containers/create"] = (201, {"Id": "c1"})
    assert run("create", "busybox", "ls", "--tree").exit_code == 0
    assert engine.sent("POST", "/containers/create").json()["Cmd"] == ["ls", "--tree"]
