"""Out of memory: what can be seen without a cgroup."""

import asyncio
from pathlib import Path

from shim.cgroups import Hierarchies
from shim.oom import OomWatcher, parse_kills, read_kills


def test_kills_are_counted_in_memory_events(tmp_path: Path) -> None:
    """Not the times at the limit."""
    assert parse_kills("low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 7\n") == 2
    assert parse_kills("") == 0
    assert read_kills(str(tmp_path / "none")) == 0


async def test_a_growing_count_is_reported_once(tmp_path: Path) -> None:
    """inotify tells of every change of the file."""
    (tmp_path / "c1").mkdir()
    events = tmp_path / "c1" / "memory.events"
    events.write_text("oom_kill 1\n")
    seen: list[str] = []
    watcher = OomWatcher(asyncio.get_running_loop(), Hierarchies({}, (str(tmp_path), "/")), seen.append)
    watcher.watch("c1", "0::/c1\n")
    for text in ("oom_kill 1\n", "oom_kill 2\n", "oom_kill 2\n"):
        events.write_text(text)
        await asyncio.sleep(0.02)
    assert seen == ["c1"]
    watcher.forget("c1")
    events.write_text("oom_kill 3\n")
    await asyncio.sleep(0.02)
    assert seen == ["c1"]


async def test_a_cgroup_that_cannot_be_watched_is_no_failure(tmp_path: Path) -> None:
    """The container runs all the same."""
    places = {"memory": (str(tmp_path), "/")}
    watcher = OomWatcher(asyncio.get_running_loop(), Hierarchies(places, None), lambda _: None)
    watcher.watch("c1", "4:memory:/none\n")
    watcher.watch("c2", "")
    watcher.forget("c1")
