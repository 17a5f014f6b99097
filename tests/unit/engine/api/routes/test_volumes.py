"""Volumes over HTTP."""

from pathlib import Path

from tests.fakes.engine_room import Bench
from tests.fakes.engine_served import served


async def test_a_volumes_life(bench: Bench, tmp_path: Path) -> None:
    async with served(bench, tmp_path) as api:
        status, made = await api.ask("POST", "/volumes/create", {"Name": "data", "Labels": {"a": "b"}})
        assert (status, made["Name"], made["Driver"]) == (201, "data", "local")
        assert (await api.ask("GET", '/volumes?filters={"label":["a=b"]}'))[1]["Volumes"][0]["Name"] == "data"
        assert (await api.ask("GET", '/volumes?filters={"dangling":["false"]}'))[1]["Volumes"] == []
        assert (await api.ask("GET", "/volumes/data"))[1]["Mountpoint"].endswith("/data/_data")
        assert await api.ask("DELETE", "/volumes/data") == (204, None)
        assert (await api.ask("GET", "/volumes/data"))[0] == 404


async def test_prune_takes_the_anonymous_ones_unless_all(bench: Bench, tmp_path: Path) -> None:
    bench.room.volumes.ensure("named")
    anonymous = bench.room.volumes.ensure("").name
    async with served(bench, tmp_path) as api:
        assert (await api.ask("POST", "/v1.51/volumes/prune"))[1]["VolumesDeleted"] == [anonymous]
        assert (await api.ask("POST", '/v1.51/volumes/prune?filters={"all":["1"]}'))[1]["VolumesDeleted"] == ["named"]


async def test_other_drivers_are_not_there(bench: Bench, tmp_path: Path) -> None:
    async with served(bench, tmp_path) as api:
        assert (await api.ask("POST", "/volumes/create", {"Name": "xy", "Driver": "nfs"}))[0] == 404


async def test_a_dry_run_keeps_every_volume(bench: Bench, tmp_path: Path) -> None:
    anonymous = bench.room.volumes.ensure("").name
    async with served(bench, tmp_path) as api:
        for _ in range(2):
            assert (await api.ask("POST", "/v1.51/volumes/prune?dryrun=1"))[1]["VolumesDeleted"] == [anonymous]
