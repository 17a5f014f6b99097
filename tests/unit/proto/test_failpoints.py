"""Dying on request."""

import os
import subprocess
import sys
from pathlib import Path

from proto import failpoints

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "from proto.failpoints import reached; reached('a.b'); print('lives', flush=True)"


def run(folder: Path, armed: str | None) -> "subprocess.CompletedProcess[bytes]":
    """A program with one failpoint `a.b`."""
    if armed is not None:
        (folder / "armed").write_text(armed)
    environment = {**os.environ, failpoints.VARIABLE: str(folder / "armed")}
    return subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, check=False)


def test_an_armed_point_kills_once(tmp_path: Path) -> None:
    """The file is gone, so that the next one lives."""
    assert run(tmp_path, "a.b").returncode == -9
    assert run(tmp_path, None).stdout == b"lives\n"


def test_another_point_is_passed(tmp_path: Path) -> None:
    """And stays armed."""
    assert run(tmp_path, "a.c").stdout == b"lives\n"
    assert (tmp_path / "armed").exists()


def test_nothing_is_armed_by_default() -> None:
    """Not even looked for."""
    failpoints.reached("a.b")
    assert failpoints._FILE == ""
