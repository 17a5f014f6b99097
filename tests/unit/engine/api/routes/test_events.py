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
