"""One file instead of eighty: written, used, and void when a source changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A lowrt of our own, without anything compiled."""
    shutil.copytree(ROOT / "lowrt", tmp_path / "lowrt", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "lowrt"


def state(copy: Path) -> str:
    """The words of a verb that fails at once."""
    command = [sys.executable, "-IS", str(copy / "__main__.py"), "--root", str(copy / "none"), "state", "nobody"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr.split("msg=")[-1]


def pack_of(copy: Path) -> Path:
    return copy / "__pycache__" / f"packed-state.{sys.implementation.cache_tag}"


def test_the_first_run_writes_it_and_the_next_one_reads_nothing_else(copy: Path) -> None:
    first = state(copy)
    assert pack_of(copy).exists()
    for compiled in copy.rglob("*.pyc"):  # what is not in the pack would be compiled again, and show
        compiled.unlink()
    assert state(copy) == first == '"container does not exist"\n'
    assert [path.name.split(".")[0] for path in copy.rglob("*.pyc")] in (["__init__", "packed"], ["packed", "__init__"])


def test_a_changed_source_makes_it_void(copy: Path) -> None:
    state(copy)
    before = pack_of(copy).read_bytes()
    errors = copy / "errors.py"
    errors.write_text(errors.read_text().replace("container does not exist", "there is no such container"))
    assert state(copy) == '"there is no such container"\n'
    assert pack_of(copy).read_bytes() != before
    assert state(copy) == '"there is no such container"\n'


@pytest.mark.parametrize("damage", [b"", b"another interpreter's"])
def test_another_interpreters_is_not_used(copy: Path, damage: bytes) -> None:
    state(copy)
    pack_of(copy).write_bytes(damage)
    assert state(copy) == '"container does not exist"\n'
    assert len(pack_of(copy).read_bytes()) > 1000


def test_where_it_cannot_be_written_nothing_is_said(copy: Path) -> None:
    state(copy)
    pack_of(copy).unlink()
    pack_of(copy).mkdir()
    assert state(copy) == '"container does not exist"\n'
    assert os.listdir(pack_of(copy)) == []
