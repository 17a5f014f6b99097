"""The container routes over HTTP."""

import asyncio
from pathlib import Path

from tests.fakes.engine_room import Bench
from tests.fakes.engine_served import served

BODY = {"Image": "busybox", "HostConfig": {"NetworkMode": "none"}}


async def test_a_life_over_http(bench: Bench, tmp_path: Path) -> None:
    async with served(bench, tmp_path) as api:
        status, made = await api.ask("POST", "/v1.51/containers/create?name=web", BODY)
        assert (status, made["Warnings"]) == (201, [])
        one = f"/v1.51/containers/{made['Id']}"
        assert await api.ask("POST", f"{one}/start") == (204, None)
        assert await api.ask("POST", f"{one}/start") == (304, None)
        assert (await api.ask("GET", "/containers/json"))[1][0]["Names"] == ["/web"]
        assert (await api.ask("GET", f"{one}/json"))[1]["State"]["Running"] is True
        assert await api.ask("POST", f"{one}/pause") == (204, None)
        assert await api.ask("POST", f"{one}/unpause") == (204, None)
        assert await api.ask("POST", f"{one}/rename?name=new") == (204, None)
        assert await api.ask("POST", f"{one}/update", {"CpuShares": 5}) == (200, {"Warnings": []})
        assert await api.ask("POST", f"{one}/restart?t=1") == (204, None)
        assert await api.ask("POST", f"{one}/kill?signal=HUP") == (204, None)
        assert await api.ask("POST", f"{one}/stop") == (204, None)
        assert await api.ask("POST", f"{one}/stop") == (304, None)
        assert await api.ask("DELETE", one) == (204, None)
        assert (await api.ask("GET", f"{one}/json"))[0] == 404
        assert (await api.ask("POST", "/containers/prune"))[1]["ContainersDeleted"] is None


async def test_wait_sends_its_headers_before_its_verdict(bench: Bench, tmp_path: Path) -> None:
    live = await bench.create()
    async with served(bench, tmp_path) as api:
        url = f"http://d/v1.51/containers/{live.container.id}/wait?condition=next-exit"
        async with api.session.post(url) as response:
            assert response.status == 200
            await api.ask("POST", f"/containers/{live.container.id}/start")
            bench.tasks.end(live.container.id, 5)
            assert await response.json() == {"StatusCode": 5}


async def test_a_client_that_leaves_its_wait_is_forgotten(bench: Bench, tmp_path: Path) -> None:
    live = await bench.run()
    async with served(bench, tmp_path) as api:
        response = await api.session.post(f"http://d/containers/{live.container.id}/wait?condition=removed")
        assert len(live.waiters) == 1
        response.close()
        async with asyncio.timeout(2):
            while live.waiters:
                await asyncio.sleep(0.01)


async def test_refusals_have_dockers_statuses(bench: Bench, tmp_path: Path) -> None:
    live = await bench.run()
    one = f"/containers/{live.container.id}"
    async with served(bench, tmp_path) as api:
        for method, path, body, status in (
            ("POST", "/containers/create", None, 400),
            ("POST", "/containers/create", {"Image": "nope"}, 404),
            ("POST", "/containers/create?name=web", BODY, 409),
            ("POST", f"{one}/start?checkpoint=x", None, 400),
            ("POST", f"{one}/wait?condition=x", None, 400),
            ("DELETE", one, None, 409),
            ("GET", "/containers/json?filters=x", None, 400),
            ("GET", "/containers/nope/top", None, 404),
        ):
            assert (await api.ask(method, path, body))[0] == status, (method, path)


async def test_one_frame_of_numbers(bench: Bench, tmp_path: Path) -> None:
    live = await bench.run()
    async with served(bench, tmp_path) as api:
        status, frame = await api.ask("GET", f"/containers/{live.container.id}/stats?stream=0&one-shot=1")
        assert (status, frame["name"]) == (200, "/web")
