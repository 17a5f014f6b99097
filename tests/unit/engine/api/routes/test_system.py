"""The engine about itself."""

from pathlib import Path

from tests.fakes.engine_room import Bench
from tests.fakes.engine_served import served


async def test_ping_version_info_and_df(bench: Bench, tmp_path: Path) -> None:
    await bench.create(Volumes={"/data": {}})
    async with served(bench, tmp_path) as api:
        async with api.session.head("http://d/_ping") as response:
            assert response.headers["Api-Version"] == "1.51"
            assert response.headers["Ostype"] == "linux"
            assert response.headers["Docker-Experimental"] == "false"
            assert response.headers["Builder-Version"] == "2"
        assert await api.ask("GET", "/_ping") == (200, b"OK")
        assert (await api.ask("GET", "/version"))[1]["ApiVersion"] == "1.51"
        assert (await api.ask("GET", "/info"))[1]["Images"] == 1
        _, usage = await api.ask("GET", "/system/df")
        assert usage["LayersSize"] == 5
        assert usage["Containers"][0]["SizeRw"] == 10
        assert usage["Volumes"][0]["UsageData"] == {"RefCount": 1, "Size": 0}
        assert (await api.ask("GET", "/v1.42/system/df?type=volume"))[1]["Images"] is None
        assert (await api.ask("GET", "/v1.41/system/df?type=volume"))[1]["Images"] != []
        assert (await api.ask("GET", "/v1.42/system/df?type=x"))[1] == {"message": "unknown object type: x"}
