"""A criu that is none, first in PATH."""

from pathlib import Path

import pytest

from tests.fakes.lowrt_criu import FakeCriu


@pytest.fixture
def criu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCriu:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return FakeCriu(folder)
