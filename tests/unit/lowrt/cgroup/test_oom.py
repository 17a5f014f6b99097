"""Counting out-of-memory kills."""

from pathlib import Path

import pytest

from lowrt.cgroup.files import CgroupError
from lowrt.cgroup.oom import OomWatch, oom_kills


def test_kills_are_counted_by_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 5\n")
    assert oom_kills(str(tmp_path), unified=True) == 2
    assert oom_kills(str(tmp_path), unified=False) == 5
    assert oom_kills(str(tmp_path / "gone"), unified=True) == 0


def test_without_a_memory_cgroup_there_is_nothing_to_watch() -> None:
    with pytest.raises(CgroupError, match="memory controller missing"):
        OomWatch("", unified=False)


def test_v2_news_is_a_kill_or_the_end(tmp_path: Path) -> None:
    events = tmp_path / "memory.events"
    events.write_text("oom_kill 0\n")
    (tmp_path / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    watch = OomWatch(str(tmp_path), unified=True)
    try:
        events.write_text("oom_kill 1\n")
        assert watch.next()
        (tmp_path / "cgroup.events").write_text("populated 0\nfrozen 0\n")
        assert not watch.next()
    finally:
        watch.close()
