"""Health checks."""

from engine.containers import health
from engine.containers.model import Health
from tests.fakes.engine_room import Bench

CHECK = {"Test": ["CMD", "true"], "Interval": 10**9, "Retries": 2, "StartPeriod": 5 * 10**9}


def test_defaults_are_dockers() -> None:
    found = health.settings({"Test": ["CMD", "true"]})
    assert found is not None
    assert (found["Interval"], found["Timeout"], found["Retries"]) == (30, 30, 3)
    assert health.settings({"Test": ["NONE"]}) is None
    assert health.settings(None) is None


def test_commands() -> None:
    assert health.command(["CMD-SHELL", "a b"], None) == ["/bin/sh", "-c", "a b"]
    assert health.command(["CMD-SHELL", "a"], ["ash"]) == ["ash", "a"]
    assert health.command(["CMD", "a", "b"], None) == ["a", "b"]


async def test_failures_count_after_the_start_period_and_one_success_heals(bench: Bench) -> None:
    live = bench.add()
    live.container.state.health = Health()
    wanted = health.settings(CHECK)
    assert wanted is not None

    def probe(code: int, second: int) -> str:
        stamp = f"1970-01-01T00:00:{second:02d}Z"
        health.record(bench.room, live, {"Start": stamp, "End": stamp, "ExitCode": code, "Output": ""}, wanted, 0)
        assert live.container.state.health is not None
        return live.container.state.health.status

    assert [probe(1, 1), probe(1, 2), probe(1, 3)] == ["starting"] * 3
    assert [probe(1, 10), probe(1, 11)] == ["starting", "unhealthy"]
    assert probe(0, 12) == "healthy"
    assert bench.actions == ["health_status: unhealthy", "health_status: healthy"]
    assert len(live.container.state.health.log) == 5


async def test_probes_begin_and_end_with_the_container(bench: Bench) -> None:
    live = await bench.run(Healthcheck={"Test": ["CMD", "true"]})
    assert live.probes is not None
    bench.tasks.end(live.container.id, 0)
    await bench.settled(live)
    assert live.probes is None
