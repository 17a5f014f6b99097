"""The checkpoint routes over HTTP."""

from dataclasses import replace
from pathlib import Path

from tests.fakes.engine_room import Bench
from tests.fakes.engine_served import served


async def test_a_checkpoints_life_over_http(bench: Bench, tmp_path: Path) -> None:
    bench.room.config = replace(bench.room.config, experimental=True)
    live = await bench.run()
    one = f"/v1.51/containers/{live.container.id}"
    async with served(bench, tmp_path) as api:
        assert await api.ask("GET", f"{one}/checkpoints") == (200, [])
        body = {"CheckpointID": "first", "CheckpointDir": "", "Exit": True}
        assert await api.ask("POST", f"{one}/checkpoints", body) == (201, None)
        await bench.settled(live)
        assert await api.ask("GET", f"{one}/checkpoints") == (200, [{"Name": "first"}])
        assert await api.ask("POST", f"{one}/start?checkpoint=first") == (204, None)
        assert await api.ask("DELETE", f"{one}/checkpoints/first") == (204, None)
        assert (await api.ask("DELETE", f"{one}/checkpoints/first"))[0] == 500
        assert (await api.ask("POST", f"{one}/checkpoints", {"CheckpointID": 5}))[0] == 400
        assert (await api.ask("GET", "/containers/nobody/checkpoints"))[0] == 404
        assert (await api.ask("GET", "/version"))[1]["Experimental"] is True
        assert (await api.ask("GET", "/info"))[1]["ExperimentalBuild"] is True


async def test_they_are_experimental(bench: Bench, tmp_path: Path) -> None:
    live = await bench.run()
    async with served(bench, tmp_path) as api:
        status, answer = await api.ask("GET", f"/containers/{live.container.id}/checkpoints")
    assert status == 501
    assert answer["message"].startswith("This experimental feature is disabled by default.")
