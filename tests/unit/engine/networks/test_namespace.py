"""Namespaces kept by files: what can be told without making one (the rest: integration/engine/networks)."""

from pathlib import Path

from engine.networks import namespace


def test_a_plain_file_keeps_no_namespace(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.touch()
    assert not namespace.exists(str(left))
    assert not namespace.exists(str(tmp_path / "nothing"))
    assert namespace.exists("/proc/self/ns/net")


def test_removing_takes_what_a_crash_left_and_minds_nothing_missing(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.touch()
    namespace.remove(str(left))
    namespace.remove(str(left))
    assert not left.exists()
