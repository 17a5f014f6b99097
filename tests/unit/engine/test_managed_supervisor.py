"""The supervisor that the engine starts."""

from pathlib import Path

from engine.managed_supervisor import ManagedSupervisor, answers, command
from engine.paths import Paths


def test_its_command_line_keeps_to_the_engines_folders() -> None:
    words = command(Paths("/d", "/e"), "info")
    assert words[words.index("--root") + 1] == "/d/supervisor"
    assert words[words.index("--address") + 1] == "/e/supervisor/supervisor.sock"


def test_a_missing_socket_does_not_answer(tmp_path: Path) -> None:
    assert not answers(str(tmp_path / "s"))


def test_stopping_what_was_never_started_is_nothing(tmp_path: Path) -> None:
    ManagedSupervisor(Paths(str(tmp_path), str(tmp_path)), "info").stop()
