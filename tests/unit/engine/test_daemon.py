"""The composition root's own decisions."""

import os
from pathlib import Path
from typing import Any

import pytest

from engine.config import Config
from engine.daemon import Daemon, ImageUsers, Parts, _is_engine
from engine.images.hosts import Access
from tests.fakes.engine_room import Bench


def daemon(folder: Path) -> Daemon:
    return Daemon(
        Config(data_root=str(folder / "d"), exec_root=str(folder / "e"), pidfile=str(folder / "pid"), init_path="/x")
    )


async def test_a_pid_file_of_nobody_is_taken_over_and_removed(tmp_path: Path) -> None:
    made = daemon(tmp_path)
    (tmp_path / "pid").write_text("999999999")
    made._write_pidfile()
    assert (tmp_path / "pid").read_text() == str(os.getpid())
    made._remove_pidfile()
    assert not (tmp_path / "pid").exists()


async def test_a_pid_that_is_some_other_program_does_not_keep_us_from_starting(tmp_path: Path) -> None:
    assert not _is_engine(999999999)
    made = daemon(tmp_path)
    (tmp_path / "pid").write_text("1")
    made._write_pidfile()
    assert (tmp_path / "pid").read_text() == str(os.getpid())


async def test_the_policy_is_the_configurations(tmp_path: Path) -> None:
    assert daemon(tmp_path)._policy().init_path == "/x"


async def test_images_hear_who_uses_them(bench: Bench) -> None:
    live = await bench.run()
    (user,) = ImageUsers(bench.room.registry).image_users()
    assert (user.container_id, user.running) == (live.container.id, True)


@pytest.mark.parametrize("word", ["wherryd", "engine"])
def test_our_own_command_line_is_known(word: str, tmp_path: Path) -> None:
    import subprocess

    program = subprocess.Popen(["sleep", "10"])
    try:
        assert not _is_engine(program.pid), word
    finally:
        program.kill()
        program.wait()


def parts(bench: Bench) -> Parts:
    """Of which a reload wants two."""
    nothing: Any = None
    return Parts(bench.room, nothing, nothing, nothing, Access(), nothing)


async def test_a_reload_takes_what_can_change_and_announces_it(bench: Bench, tmp_path: Path) -> None:
    made = daemon(tmp_path)
    made._reload(parts(bench), lambda: Config(labels=("a=b",), live_restore=False, mtu=9))
    assert (made.config.labels, bench.room.config.live_restore, made.config.mtu) == (("a=b",), False, 0)
    event = bench.room.bus._ring[-1]
    assert (event.kind, event.action, event.attributes["labels"]) == ("daemon", "reload", '["a=b"]')


async def test_a_wrong_file_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    made = daemon(tmp_path)
    before = bench.room.config, bench.room.runtimes
    made._reload(parts(bench), lambda: Config(default_runtime="nope"))
    assert (bench.room.config, bench.room.runtimes) == before


async def test_a_reload_reaches_whoever_talks_to_registries(bench: Bench, tmp_path: Path) -> None:
    """They hold one object; its folder of mirrors is written anew."""
    made, held = daemon(tmp_path), parts(bench)
    made._reload(held, lambda: Config(insecure_registries=("r.io",), registry_mirrors=("http://m.io:5000",)))
    assert held.access.is_insecure("r.io")
    assert (Path(held.access.folder) / "docker.io" / "hosts.toml").read_text().count("http://m.io:5000") == 1
    made._reload(held, lambda: Config(registry_mirrors=("ftp://m.io",)))
    assert held.access.mirrors == ("http://m.io:5000",)
    made._reload(held, Config)
    assert (held.access.mirrors, held.access.folder) == ((), "")
