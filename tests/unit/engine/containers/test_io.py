"""Choosing streams."""

from urllib.parse import parse_qs, urlparse

from engine.containers import io
from engine.containers.stdio import ShimStdio
from engine.logs.pump import PumpStdio
from tests.fakes.engine_room import Bench, config, container, host_config


def query(**changes: object) -> dict[str, str]:
    made = container(log_path="/d/x.log", **changes)
    return {name: values[0] for name, values in parse_qs(urlparse(io.stdio_url(made, "/run/a b.sock")).query).items()}


def test_our_shim_is_told_where_to_log_and_how() -> None:
    found = query(host_config=host_config(LogConfig={"Type": "json-file", "Config": {"max-size": "1k"}}))
    assert found == {
        "log": "/d/x.log",
        "driver": "json-file",
        "max-size": "1024",
        "max-file": "10",
        "compress": "0",
        "stdin": "0",
        "stdin-once": "0",
    }


def test_no_log_and_input() -> None:
    found = query(log_driver="none", config=config(OpenStdin=True, StdinOnce=True))
    assert found == {"driver": "none", "stdin": "1", "stdin-once": "1"}


def test_labels_and_variables_go_with_each_line() -> None:
    made = container(config=config(Labels={"a": "1", "b": "2"}, Env=["X=3"]))
    assert io.log_attributes({"labels": "a,zz", "env": "X", "tag": "t"}, made) == {"a": "1", "X": "3", "tag": "t"}


async def test_a_foreign_shim_gets_fifos(bench: Bench) -> None:
    live = bench.add(log_path="")
    live.container.log_driver = "none"
    pump = io.make(bench.room, live.container)
    assert isinstance(pump, PumpStdio)
    assert pump.names.stdout.endswith("init-stdout")
    pump.close()
    live.container.shim_io = True
    assert isinstance(io.make(bench.room, live.container), ShimStdio)
