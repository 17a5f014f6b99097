"""Numbers."""

from engine.containers import stats
from tests.fakes.engine_room import Bench


async def test_the_first_frame_has_no_past_and_the_next_one_has(bench: Bench) -> None:
    live = await bench.run()
    stats._INTERVAL = 0.01
    frames = []
    async for frame in stats.stream(bench.room, live):
        frames.append(frame)
        if len(frames) == 2:
            break
    stats._INTERVAL = 1.0
    assert frames[0]["preread"] == "0001-01-01T00:00:00Z"
    assert "system_cpu_usage" not in frames[0]["precpu_stats"]
    assert frames[1]["preread"] == frames[0]["read"]
    assert frames[1]["precpu_stats"]["system_cpu_usage"] > 0
    assert frames[0]["name"] == "/web"


async def test_one_frame_unprimed(bench: Bench) -> None:
    live = await bench.run()
    frame = await stats.once(bench.room, live, primed=False)
    assert frame["cpu_stats"]["online_cpus"] >= 1


async def test_what_does_not_run_shows_zeros(bench: Bench) -> None:
    live = await bench.create()
    assert stats.nothing(live)["cpu_stats"]["cpu_usage"]["total_usage"] == 0


def test_the_interfaces_of_a_process_without_lo() -> None:
    assert "lo" not in stats.interfaces(1)
    assert stats.interfaces(0) == {}
