"""The program itself."""

import subprocess
import sys

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
