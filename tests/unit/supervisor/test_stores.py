"""The stores, put together."""

from dataclasses import replace
from pathlib import Path

from supervisor.config import Config
from supervisor.core.containers import Container, RuntimeInfo
from supervisor.core.typed import TypedValue
from supervisor.paths import Paths
from supervisor.stores import Stores
from tests.fakes.supervisor_events import RecordingExchange


async def test_records_outlive_the_stores(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path / "root"), str(tmp_path / "state"))
    first = Stores(Config(), paths, RecordingExchange())
    first.containers.create("ns", Container("c1", RuntimeInfo("r"), TypedValue("t", b"{}")))
    first.close()
    second = Stores(Config(), paths, RecordingExchange())
    assert second.containers.get("ns", "c1").runtime.name == "r"
    second.close()


async def test_snapshots_may_lie_elsewhere(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path / "root"), str(tmp_path / "state"))
    config = replace(Config(), snapshot_roots={"native": str(tmp_path / "elsewhere")})
    stores = Stores(config, paths, RecordingExchange())
    assert sorted(stores.drivers) == ["native", "overlayfs"]
    assert (tmp_path / "elsewhere").is_dir()
    stores.close()
