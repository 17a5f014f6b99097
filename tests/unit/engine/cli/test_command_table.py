"""Every command of the table exists and can explain itself."""

import pytest
from click.testing import CliRunner

from engine.cli.command_table import COMMANDS, GROUPS
from engine.cli.main import wherry

PATHS = [[name] for name in COMMANDS] + [[group, name] for group, (_, table) in GROUPS.items() for name in table]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_command_explains_itself(path: list[str]) -> None:
    """`--help` imports it, so a wrong entry in the table is found here."""
    result = CliRunner().invoke(wherry, [*path, "--help"], prog_name="wherry")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: wherry {' '.join(path)} ")
