"""A pid file is there all at once."""

import os
from pathlib import Path

import pytest

from lowrt.container.pid_file import absolute, write_pid_file


def test_it_holds_the_number_alone(tmp_path: Path) -> None:
    write_pid_file(str(tmp_path / "pid"), 42)
    assert (tmp_path / "pid").read_text() == "42"
    assert os.listdir(tmp_path) == ["pid"]


def test_a_file_in_the_way_of_the_temporary_one_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".pid").symlink_to("/nonexistent")
    with pytest.raises(FileExistsError):
        write_pid_file(str(tmp_path / "pid"), 42)


def test_the_path_is_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("pid") == str(tmp_path / "pid")
    assert absolute("") == ""
