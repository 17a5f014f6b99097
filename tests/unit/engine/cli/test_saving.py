"""Streams to files."""

import io
from pathlib import Path

import pytest

from engine.cli.errors import CommandFailed
from engine.cli.saving import save_to


class Broken(io.RawIOBase):
    """Gives some bytes, then fails."""

    def __init__(self) -> None:
        self._given = False

    def readable(self) -> bool:
        return True

    def read(self, _size: int = -1) -> bytes:
        if self._given:
            raise ConnectionResetError("gone")
        self._given = True
        return b"half"


def test_a_stream_becomes_the_file(tmp_path: Path) -> None:
    """Under its name only when whole."""
    save_to(io.BytesIO(b"all"), str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"all"


def test_half_a_stream_leaves_nothing(tmp_path: Path) -> None:
    """Neither under the name nor under another."""
    with pytest.raises(CommandFailed):
        save_to(Broken(), str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """With the path."""
    with pytest.raises(CommandFailed, match="none/out"):
        save_to(io.BytesIO(b""), str(tmp_path / "none" / "out"))
