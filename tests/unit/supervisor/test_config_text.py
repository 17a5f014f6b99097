"""A configuration as text."""

from dataclasses import replace
from pathlib import Path

from supervisor.config import Config, Socket, load
from supervisor.config_text import render
from supervisor.metadata.scheduler import SchedulerConfig
from supervisor.runtime.cleanup import Timeouts

ROOT = Path(__file__).resolve().parents[3]


def test_what_is_printed_is_read_back(tmp_path: Path) -> None:
    config = replace(
        Config(),
        root="/r",
        grpc=Socket("/a", 1, 2),
        debug=Socket("/d", 3, 4),
        log_level="trace",
        gc=SchedulerConfig(startup_delay=2.0),
        timeouts=Timeouts(load=7.0),
        shim_environment=("A=b",),
        snapshot_roots={"native": "/n"},
        overlay_options=("metacopy=on",),
        overlay_upperdir_label=True,
        max_concurrent_unpacks=5,
        max_concurrent_uploads=6,
    )
    path = tmp_path / "config.toml"
    path.write_text(render(config))
    assert load(str(path)) == config


def test_the_commented_defaults_in_deploy_are_the_codes() -> None:
    lines = (ROOT / "deploy" / "config" / "config.toml").read_text().splitlines()
    shown = [line for line in lines if line and not line.startswith("#")]
    assert shown == [line for line in render(Config()).splitlines() if line]
