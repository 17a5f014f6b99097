"""The program itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli.main import _wants_traces
from tests.unit.engine.cli.conftest import Run


def test_help_lists_the_commands_without_importing_them() -> None:
    """A new interpreter shows it: only the table is read."""
    program = (
        "import sys; from engine.cli.main import wherry\n"
        "try: wherry.main(['--help'], prog_name='wherry')\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith('engine.cli.commands.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Create and run a new container" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_unknown_command_is_answered_as_docker_answers(run: Run) -> None:
    """With the way to the list."""
    result = run("frob")
    assert result.exit_code == 1
    assert "wherry: 'frob' is not a wherry command.\nSee 'wherry --help'" in result.stderr


def test_a_management_group_knows_its_own(run: Run) -> None:
    """`container ls` is `ps`."""
    assert "Remove all stopped containers" in run("container", "--help").output


def test_another_folder_of_configuration_may_be_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", "/nonexistent")
    (tmp_path / "config.json").write_text("{")
    result = run("--config", str(tmp_path), "logout", "r.io")
    assert f"{tmp_path}/config.json is not JSON" in result.stderr


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["wherry", "-D", "ps"], True),
        (["wherry", "--log-level", "debug", "ps"], True),
        (["wherry", "--log-level=debug", "ps"], True),
        (["wherry", "-l", "warn", "ps"], False),
        (["wherry", "ps"], False),
    ],
)
def test_traces_are_shown_to_who_asks_for_them(words: list[str], wanted: bool) -> None:
    assert _wants_traces(words) is wanted
