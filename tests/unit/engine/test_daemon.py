"""The composition root's own decisions."""

from pathlib import Path
from typing import Any

from engine.config import Config
from engine.daemon import Daemon, ImageUsers, Parts
from engine.ground import Ground
from engine.images.hosts import Access
from engine.paths import Paths
from tests.fakes.engine_room import Bench


def daemon(folder: Path) -> Daemon:
    config = Config(data_root=str(folder / "d"), exec_root=str(folder / "e"), init_path="/x")
    return Daemon(Ground(config, Paths(config.data_root, config.exec_root), [], None))


async def test_the_policy_is_the_configurations(tmp_path: Path) -> None:
    assert daemon(tmp_path)._policy().init_path == "/x"


async def test_images_hear_who_uses_them(bench: Bench) -> None:
    live = await bench.run()
    (user,) = ImageUsers(bench.room.registry).image_users()
    assert (user.container_id, user.running) == (live.container.id, True)


def parts(bench: Bench) -> Parts:
    """Of which a reload wants two."""
    nothing: Any = None
    return Parts(bench.room, nothing, nothing, nothing, Access(), nothing, nothing)


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
