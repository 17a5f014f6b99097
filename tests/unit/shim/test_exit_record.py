"""exit.json."""

from pathlib import Path

import pytest

from shim.exit_record import read_exit, write_exit


def test_what_is_recorded_is_read(tmp_path: Path) -> None:
    """pid, status, time."""
    path = str(tmp_path / "exit.json")
    write_exit(path, 4711, 3, 1764000000000000001)
    assert read_exit(path) == (4711, 3, 1764000000000000001)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"pid": 1}', '{"pid": null, "exit_status": 1, "exited_at": 2}']
)
def test_half_a_record_is_none(tmp_path: Path, content: str) -> None:
    """A wrong exit code is worse than an unknown one."""
    path = tmp_path / "exit.json"
    path.write_text(content)
    assert read_exit(str(path)) is None


def test_no_record_is_none(tmp_path: Path) -> None:
    """The process may live."""
    assert read_exit(str(tmp_path / "exit.json")) is None
