"""docker info."""

from engine.containers import system_info
from tests.fakes.engine_room import Bench


async def test_counts_and_an_id_that_stays(bench: Bench) -> None:
    await bench.run("one")
    await bench.create("two")
    document = system_info.info(bench.room, 3)
    assert (document["Containers"], document["ContainersRunning"], document["ContainersStopped"]) == (2, 1, 1)
    assert document["Images"] == 3
    assert document["DefaultRuntime"] == "foreign"
    assert document["ID"] == system_info.info(bench.room, 0)["ID"]
