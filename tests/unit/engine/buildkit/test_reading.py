"""Files of a result, as a gateway's client sees them: never outside of its root."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.buildkit import reading
from proto.errdefs import InvalidArgument, NotFound, ResourceExhausted


def _made(root: Path) -> Any:
    @contextlib.asynccontextmanager
    async def viewed(state: object) -> AsyncIterator[int]:
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield fd
        finally:
            os.close(fd)

    return SimpleNamespace(state=None, layers=SimpleNamespace(viewed=viewed))


@pytest.fixture
def made(tmp_path: Path) -> Any:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "name").write_text("hello")
    (root / "etc" / "link").symlink_to("/etc/name")
    (root / "etc" / "out").symlink_to("/../../secret")
    (tmp_path / "secret").write_text("not yours")
    os.mkfifo(root / "pipe")
    (root / "etc" / "name").chmod(0o4750)
    return _made(root)


async def test_a_file_is_read_whole_or_in_part_and_by_links_inside(made: Any) -> None:
    assert await reading.file(made, "/etc/name", 0, 0) == b"hello"
    assert await reading.file(made, "etc/link", 1, 3) == b"ell"


async def test_nothing_outside_is_read(made: Any) -> None:
    for path in ("/etc/out", "../secret", "/../../secret"):
        with pytest.raises(NotFound):
            await reading.file(made, path, 0, 0)


async def test_what_is_no_file_is_refused(made: Any) -> None:
    for path in ("/etc", "/pipe"):
        with pytest.raises(InvalidArgument, match="not a regular file"):
            await reading.file(made, path, 0, 0)


async def test_a_large_file_is_read_in_parts(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(9 << 20)
    with pytest.raises(ResourceExhausted):
        await reading.file(_made(tmp_path), "large", 0, 0)
    assert len(await reading.file(_made(tmp_path), "large", 8 << 20, 5)) == 5


async def test_a_folder_is_listed_by_name_and_pattern(made: Any) -> None:
    assert [each.path for each in await reading.folder(made, "/etc", "")] == ["link", "name", "out"]
    assert [each.path for each in await reading.folder(made, "/etc", "n*")] == ["name"]
    with pytest.raises(NotFound):
        await reading.folder(made, "/etc/name", "")


async def test_modes_are_gos(made: Any) -> None:
    file = await reading.stat(made, "/etc/name")
    assert (file.path, file.size, file.mode) == ("name", 5, 0o750 | 1 << 23)
    link = await reading.stat(made, "etc/link")
    assert (link.linkname, link.mode >> 27 & 1) == ("/etc/name", 1)
    assert (await reading.stat(made, "/etc")).mode >> 31 == 1
    assert (await reading.stat(made, "/")).mode >> 31 == 1
    assert (await reading.stat(made, "/pipe")).mode >> 25 & 1 == 1
