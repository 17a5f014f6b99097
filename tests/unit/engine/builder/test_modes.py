"""`--chmod`, beside what chmod(1) makes of the same words."""

import os
import subprocess
from pathlib import Path

import pytest

from engine.builder.modes import Mode, octal
from proto.errdefs import InvalidArgument


@pytest.mark.parametrize(
    "text",
    [
        *("a+x", "u=rwX,go=rX", "go-w", "u+s", "g+s,o=", "a=r", "o=u", "g=u,o=g", "a-x+w", "u=rwx,g=rx,o=r"),
        *("ug+rw", "a=X", "755", "0640", "4711", "u-s", "a+X"),
    ],
)
def test_a_file_gets_what_chmod_would_give_it(tmp_path: Path, text: str) -> None:
    expected = {}
    for start in (0o640, 0o755, 0o4711, 0o000):
        path = tmp_path / f"{start:o}"
        path.touch()
        os.chmod(path, start)
        expected[path] = Mode(text).of(path.stat().st_mode)
    subprocess.run(["chmod", text, *expected], check=True)
    assert {path: path.stat().st_mode & 0o7777 for path in expected} == expected


@pytest.mark.parametrize("text", ["a+X", "u=rwX,go=", "a+t", "g+s", "g+rX"])
def test_a_folder_too(tmp_path: Path, text: str) -> None:
    os.chmod(tmp_path, 0o2750)
    expected = Mode(text).of(tmp_path.stat().st_mode)
    subprocess.run(["chmod", text, tmp_path], check=True)
    assert f"{expected:o}" == f"{tmp_path.stat().st_mode & 0o7777:o}"


@pytest.mark.parametrize("text", ["", "99", "u", "x+r", "u=q", "u+rw,", "77777", "+ug"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="chmod"):
        Mode(text)


def test_clauses_without_anybody_are_for_all() -> None:
    assert Mode("+x").of(0o100644) == 0o755


def test_mounts_take_digits() -> None:
    assert octal("0750") == 0o750
    with pytest.raises(InvalidArgument):
        octal("u=r")
