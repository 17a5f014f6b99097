"""The look-up of a program, and what is said when there is none."""

import os
from pathlib import Path

import pytest

from lowrt.errors import Fault
from lowrt.init.execve import Program, complain, execute, look_up


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    (tmp_path / "first" / "tool").write_text("not executable")
    (tmp_path / "second" / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "second" / "tool").chmod(0o755)
    (tmp_path / "second" / "folder").mkdir()
    return tmp_path


def program(name: str, folder: Path, *path: str) -> Program:
    return Program([name], ["PATH=" + ":".join(str(folder / entry) for entry in path)])


def test_the_first_executable_in_path_is_taken(folder: Path) -> None:
    assert look_up(program("tool", folder, "first", "second")) == os.fsencode(folder / "second" / "tool")


@pytest.mark.parametrize("name", ["nope", "folder", "first"])
def test_what_is_not_in_path_is_not_found(folder: Path, name: str) -> None:
    with pytest.raises(Fault) as caught:
        look_up(program(name, folder, "first", "second"))
    assert str(caught.value) == f'exec: "{name}": executable file not found in $PATH'


def test_without_path_nothing_is_found() -> None:
    with pytest.raises(Fault, match="executable file not found"):
        look_up(Program(["sh"], []))


def test_a_path_is_taken_as_it_is(folder: Path) -> None:
    assert look_up(program(str(folder / "second" / "tool"), folder)) == os.fsencode(folder / "second" / "tool")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("first/tool", "permission denied"),
        ("second/folder", "is a directory"),
        ("none", "stat {}: no such file or directory"),
        ("first/tool/x", "stat {}: not a directory"),
    ],
)
def test_a_path_that_cannot_be_executed_is_told_why(folder: Path, name: str, reason: str) -> None:
    path = str(folder / name)
    with pytest.raises(Fault) as caught:
        look_up(program(path, folder))
    assert str(caught.value) == f'exec: "{path}": {reason.format(path)}'


def test_a_find_relative_to_the_directory_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "second")
    with pytest.raises(Fault, match="cannot run executable found relative to current directory"):
        look_up(Program(["tool"], ["PATH=:/nonexistent"]))


def test_the_environment_is_split_at_the_first_sign() -> None:
    assert Program(["x"], ["A=b=c", "B=", "C"]).environment == {b"A": b"b=c", b"B": b"", b"C": b""}


def test_home_is_set_only_where_it_is_missing() -> None:
    with_home, without = Program(["x"], ["HOME=/here"]), Program(["x"], [])
    for each in (with_home, without):
        each.set_default_home(b"/there")
    assert with_home.environment[b"HOME"] == b"/here"
    assert without.environment[b"HOME"] == b"/there"


def test_a_failed_execve_comes_back_with_the_reason(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "bad").write_text("#!/nonexistent\n")
    (folder / "bad").chmod(0o755)
    path = os.fsencode(folder / "bad")
    error = execute(path, Program([str(folder / "bad")], []))
    assert complain(path, error) == 1
    assert capfd.readouterr().err == f"exec {folder}/bad: no such file or directory\n"
