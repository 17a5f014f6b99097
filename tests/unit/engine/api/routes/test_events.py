"""Events over HTTP."""

import json
import time
from pathlib import Path

from tests.fakes.engine_room import Bench
from tests.fakes.engine_served import served


async def test_lines_of_the_past(bench: Bench, tmp_path: Path) -> None:
    await bench.run()
    async with served(bench, tmp_path) as api:
        until = time.time() + 0.05
        async with api.session.get(f"http://d/events?since=1&until={until}") as response:
            lines = [json.loads(line)["Action"] for line in (await response.text()).splitlines()]
        assert lines == ["create", "start"]
        assert (await api.ask("GET", "/events?since=20&until=10"))[0] == 400
        assert (await api.ask("GET", '/events?filters={"x":["y"]}'))[0] == 400


async def test_lines_by_version_and_by_what_the_client_accepts(bench: Bench, tmp_path: Path) -> None:
    """Since 1.52 there are no old names, and the content's type is what it is."""
    await bench.run()
    until = time.time() + 0.01
    wanted = {
        ("1.51", "*/*"): ("application/json", b"{", True),
        ("1.51", "application/json-seq"): ("application/json-seq", b"\x1e{", True),
        ("1.52", "*/*"): ("application/jsonl", b"{", False),
        ("1.52", "text/plain, application/x-ndjson;q=0.9"): ("application/x-ndjson", b"{", False),
    }
    async with served(bench, tmp_path) as api:
        for (version, accepted), (kind, begin, old) in wanted.items():
            url = f"http://d/v{version}/events?since=1&until={until}"
            async with api.session.get(url, headers={"Accept": accepted}) as response:
                first = (await response.read()).splitlines()[0]
            assert response.content_type == kind
            assert first.startswith(begin)
            assert ("status" in json.loads(first.lstrip(b"\x1e"))) is old


async def test_creations_of_images_are_told_since_1_46(bench: Bench, tmp_path: Path) -> None:
    bench.bus.publish("image", "create", "sha256:x", {})
    until = time.time() + 0.01
    async with served(bench, tmp_path) as api:
        assert (await api.ask("GET", f"/v1.45/events?since=1&until={until}"))[1] is None
        assert (await api.ask("GET", f"/v1.46/events?since=1&until={until}"))[1]["Action"] == "create"
