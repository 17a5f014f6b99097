"""Watching a folder."""

import asyncio
from pathlib import Path

import pytest

from engine.logs.inotify import FolderWatch


async def test_a_write_wakes(tmp_path: Path) -> None:
    watch = FolderWatch(str(tmp_path))
    (tmp_path / "x").write_text("y")
    async with asyncio.timeout(2):
        await watch.changed.wait()
    watch.close()
    watch.close()


async def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FolderWatch(str(tmp_path / "none"))
