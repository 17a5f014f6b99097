"""Choosing streams."""

import asyncio
import json
import os
import stat
from urllib.parse import parse_qs, unquote, urlparse

from engine.containers import io
from engine.containers.live import Attacher
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
    assert io.log_attributes({"labels-regex": "^a", "env-regex": "X|Y"}, made) == {"a": "1", "X": "3"}


def test_the_local_driver_is_the_same_file_with_its_own_limits() -> None:
    found = query(log_driver="local", host_config=host_config(LogConfig={"Type": "local", "Config": {}}))
    assert (found["driver"], found["max-size"], found["max-file"], found["compress"]) == (
        "json-file",
        str(20 << 20),
        "5",
        "1",
    )


async def test_a_foreign_shim_gets_fifos(bench: Bench) -> None:
    live = bench.add(log_path="")
    live.container.log_driver = "none"
    pump = io.make(bench.room, live.container)
    assert isinstance(pump, PumpStdio)
    assert pump.names.stdout.endswith("init-stdout")
    pump.close()
    live.container.shim_io = True
    assert isinstance(io.make(bench.room, live.container), ShimStdio)


def test_a_name_of_any_letters_arrives_whole() -> None:
    """Labels and paths may hold everything that has a meaning in an address."""
    labels = {"a": "1&2=3?#%é\n"}
    made = container(
        log_path="/d/a b&c.log",
        config=config(Labels=labels),
        host_config=host_config(LogConfig={"Type": "json-file", "Config": {"labels": "a"}}),
    )
    url = urlparse(io.stdio_url(made, "/run/ä b?#.sock"))
    values = parse_qs(url.query)
    assert unquote(url.path) == "/run/ä b?#.sock"
    assert values["log"] == ["/d/a b&c.log"]
    assert json.loads(values["labels-json"][0]) == labels


def test_a_terminal_has_one_output(bench: Bench) -> None:
    """Its errors are on the screen."""
    live = bench.add(config=config(Tty=True))
    names = io.shim_stdio(bench.room, live.container).names
    assert (names.stderr, names.terminal, names.stdin) == ("", True, "")
    other = bench.add(name="other", container_id="cd" * 32)
    names = io.shim_stdio(bench.room, other.container).names
    assert names.stderr == names.stdout


async def test_input_has_a_fifo_only_where_the_container_reads(bench: Bench) -> None:
    """And the volatile folder is closed to others."""
    live = bench.add(log_driver="none", config=config(OpenStdin=True, Tty=True))
    pump = io.make(bench.room, live.container)
    assert isinstance(pump, PumpStdio)
    assert stat.S_ISFIFO(os.stat(pump.names.stdin).st_mode)
    assert pump.names.stderr == ""
    assert os.stat(os.path.dirname(pump.names.stdin)).st_mode & 0o777 == 0o700
    pump.close()
    assert os.listdir(os.path.dirname(pump.names.stdin)) == []


async def test_a_foreign_shims_output_is_logged_by_us(bench: Bench) -> None:
    """In the same file, with the same options."""
    live = await bench.create(
        HostConfig={"NetworkMode": "none", "LogConfig": {"Type": "json-file", "Config": {"tag": "t"}}}
    )
    live.container.log_path = bench.paths.container(live.container.id).log
    pump = io.make(bench.room, live.container)
    with open(pump.names.stdout, "wb", buffering=0) as writer:  # noqa: ASYNC230 (a FIFO that has its reader)
        io.opened(pump)
        writer.write(b"line\n")
    with open(pump.names.stderr, "wb"):  # noqa: ASYNC230
        pass
    await pump.drained()
    pump.close()
    with open(live.container.log_path, encoding="utf-8") as file:  # noqa: ASYNC230
        entry = json.loads(file.read())
    assert (entry["log"], entry["stream"], entry["attrs"]) == ("line\n", "stdout", {"tag": "t"})


async def test_those_who_attached_before_are_joined_in_their_order(bench: Bench) -> None:
    """One that has gone meanwhile is passed over."""
    live = bench.add(log_driver="none")
    loop = asyncio.get_running_loop()
    gone, stays = (Attacher(False, True, True, loop.create_future()) for _ in range(2))
    gone.joined.cancel()
    live.attachers += [gone, stays]
    pump = io.make(bench.room, live.container)
    await io.join(live, pump)
    assert live.attachers == []
    assert stays.joined.result() is not None
    pump.close()
