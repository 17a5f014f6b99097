"""docker info."""

from dataclasses import replace

from engine.containers import system_info
from engine.containers.programs import FEATURES, Below, Program
from tests.fakes.engine_room import Bench


async def test_counts_and_an_id_that_stays(bench: Bench) -> None:
    await bench.run("one")
    await bench.create("two")
    document = system_info.info(bench.room, 3)
    assert (document["Containers"], document["ContainersRunning"], document["ContainersStopped"]) == (2, 1, 1)
    assert document["Images"] == 3
    assert document["DefaultRuntime"] == "foreign"
    assert document["ID"] == system_info.info(bench.room, 0)["ID"]


async def test_what_is_below_says_which_it_is(bench: Bench) -> None:
    name = bench.room.runtimes.names[0]
    below = Below(Program("lowrt", "0.1.0"), None, Program("containerd", "2.2", "abc"), {name: "{}"})
    document = system_info.info(bench.room, 0, below)
    commits = [document[key]["ID"] for key in ("ContainerdCommit", "RuncCommit", "InitCommit")]
    assert commits == ["abc", "0.1.0", "N/A"]
    assert document["Runtimes"][name]["status"] == {FEATURES: "{}"}


async def test_only_pools_that_were_configured_are_shown(bench: Bench) -> None:
    assert "DefaultAddressPools" not in system_info.info(bench.room, 0)
    bench.room.config = replace(bench.room.config, default_address_pools=({"base": "10.9.0.0/16", "size": 24},))
    assert system_info.info(bench.room, 0)["DefaultAddressPools"] == [{"Base": "10.9.0.0/16", "Size": 24}]
