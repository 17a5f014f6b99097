"""Cache folders: who shares them, who waits, and what they begin with."""

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from engine.builder.cache_mounts import CacheMounts
from engine.builder.run_mounts import RunMount

_MOUNT = RunMount("cache", "/c", id="i", mode=0o750, uid=os.getuid(), gid=os.getgid())


def _nothing(_: str) -> None:
    """No first content."""


@pytest.fixture
def caches(tmp_path: Path) -> CacheMounts:
    """None yet."""
    return CacheMounts(f"{tmp_path}/mounts")


async def test_a_folder_is_made_once_and_found_again(caches: CacheMounts) -> None:
    filled = []
    for _ in range(2):
        async with caches.held(_MOUNT, filled.append) as path:
            Path(path, "n").write_text("x")
    assert len(filled) == 1
    assert os.stat(path).st_mode & 0o777 == 0o750
    (kept,) = caches.usage()
    assert (kept.id, kept.in_use) == ("i", False)
    assert kept.size > 0


async def test_shared_ones_are_one_and_private_ones_are_not(caches: CacheMounts) -> None:
    async with caches.held(_MOUNT, _nothing) as first, caches.held(_MOUNT, _nothing) as second:
        assert first == second
        async with caches.held(replace(_MOUNT, sharing="private"), _nothing) as third:
            assert third != first
    async with caches.held(replace(_MOUNT, sharing="private"), _nothing) as again:
        assert again == first


async def test_locked_ones_wait(caches: CacheMounts) -> None:
    locked = replace(_MOUNT, sharing="locked")
    order = []

    async def second() -> None:
        async with caches.held(locked, _nothing):
            order.append("second")

    async with caches.held(locked, _nothing):
        waiting = asyncio.ensure_future(second())
        for _ in range(10):
            await asyncio.sleep(0)
        order.append("first")
    await waiting
    assert order == ["first", "second"]


async def test_what_a_step_has_is_not_removed(caches: CacheMounts) -> None:
    async with caches.held(_MOUNT, _nothing) as path:
        (kept,) = caches.usage()
        assert kept.in_use
        assert not caches.remove(kept.name)
    assert caches.remove(kept.name)
    assert not os.path.exists(path)
    assert caches.usage() == []
    assert not caches.remove(kept.name)


async def test_a_folder_that_could_not_be_filled_is_not_there(caches: CacheMounts) -> None:
    def fail(_: str) -> None:
        raise NotADirectoryError

    with pytest.raises(NotADirectoryError):
        async with caches.held(_MOUNT, fail):
            pass
    assert caches.usage() == []


def test_sweeping_takes_what_is_half_made(caches: CacheMounts, tmp_path: Path) -> None:
    for name in ("new-1", "gone-1", "a" * 64):
        (tmp_path / "mounts" / name).mkdir(parents=True)
    (tmp_path / "mounts" / f"{'a' * 64}.json").write_text(json.dumps({"id": "x"}))
    caches.sweep()
    assert sorted(os.listdir(tmp_path / "mounts")) == ["a" * 64, f"{'a' * 64}.json"]
