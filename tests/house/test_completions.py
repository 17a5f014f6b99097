"""The completion scripts that the installer puts into the shells' folders are what `wherry completion` prints."""

import shutil
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class
from click.testing import CliRunner

from deploy.install import COMPLETIONS, install_completions, remove_completions
from engine.cli.main import wherry

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "completions"
SCRIPTS = {"bash": "wherry.bash", "zsh": "_wherry", "fish": "wherry.fish"}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_is_current(shell: str) -> None:
    """A stale one is renewed by `wherry completion SHELL > deploy/completions/FILE`."""
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("needs bash: its version decides what the script may say")
    printed = CliRunner().invoke(wherry, ["completion", shell], catch_exceptions=False).stdout
    assert (FOLDER / SCRIPTS[shell]).read_text() == printed


def test_every_shell_that_the_command_knows_has_a_file() -> None:
    """And nothing else lies in the folder."""
    assert {path.name for path in FOLDER.iterdir()} == set(SCRIPTS.values())
    assert all(get_completion_class(shell) is not None for shell in SCRIPTS)


def test_bash_takes_the_script_for_the_command() -> None:
    """`complete -p` tells what bash would call."""
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    done = subprocess.run(
        ["bash", "--norc", "-c", f"source {FOLDER / 'wherry.bash'}; complete -p wherry"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "_wherry_completion" in done.stdout


def test_the_installer_puts_each_where_its_shell_looks_and_takes_it_out_again(tmp_path: Path) -> None:
    """The folders stay: other programs' completions may be in them."""
    install_completions(tmp_path)
    for name, place in COMPLETIONS.items():
        assert (tmp_path / "share" / place).read_text() == (FOLDER / name).read_text()
    remove_completions(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
