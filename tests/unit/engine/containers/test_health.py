"""Health checks."""

import pytest

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


@pytest.mark.parametrize("check", [None, {}, {"Test": []}, {"Test": ["NONE"]}, {"Test": [""]}, {"Interval": 5}])
def test_checks_that_are_none(check: dict | None) -> None:
    """Nothing is probed."""
    assert health.settings(check) is None


def test_every_setting_can_be_given() -> None:
    """Nanoseconds in, seconds out; zero means the default."""
    given = {
        "Test": ["CMD", "x"],
        "Interval": 1_500_000_000,
        "Timeout": 2_000_000_000,
        "StartPeriod": 3_000_000_000,
        "StartInterval": 500_000_000,
        "Retries": 7,
    }
    assert health.settings(given) == {
        "Test": ["CMD", "x"],
        "Interval": 1.5,
        "Timeout": 2.0,
        "StartPeriod": 3.0,
        "StartInterval": 0.5,
        "Retries": 7,
    }
    assert health.settings({"Test": ["CMD", "x"], "Retries": 0, "StartInterval": 0}) == {
        "Test": ["CMD", "x"],
        "Interval": 30.0,
        "Timeout": 30.0,
        "StartPeriod": 0.0,
        "StartInterval": 5.0,
        "Retries": 3,
    }


async def test_an_unhealthy_container_stays_so_until_a_probe_succeeds(bench: Bench) -> None:
    """Its streak goes on counting, the verdict is announced once."""
    live = bench.add()
    live.container.state.health = Health()
    wanted = health.settings({"Test": ["CMD", "x"], "Retries": 2})
    assert wanted is not None
    for _ in range(5):
        health.record(bench.room, live, {"Start": "2026-01-01T00:00:00Z", "ExitCode": 1, "Output": "no"}, wanted, 0)
    assert (live.container.state.health.status, live.container.state.health.failing_streak) == ("unhealthy", 5)
    assert bench.actions == ["health_status: unhealthy"]


async def test_a_success_within_the_start_period_ends_it(bench: Bench) -> None:
    """From then on failures count."""
    live = bench.add()
    live.container.state.health = Health()
    wanted = health.settings({"Test": ["CMD", "x"], "Retries": 1, "StartPeriod": 3600 * 10**9})
    assert wanted is not None
    for code, status in ((1, "starting"), (0, "healthy"), (1, "unhealthy")):
        health.record(bench.room, live, {"Start": "1970-01-01T00:00:01Z", "ExitCode": code, "Output": ""}, wanted, 0)
        assert live.container.state.health.status == status


async def test_a_verdict_of_the_engine_before_is_kept(bench: Bench) -> None:
    """The container did not notice the change."""
    live = await bench.run(Healthcheck={"Test": ["CMD", "true"]})
    assert live.container.state.health is not None
    live.container.state.health.status = "healthy"
    health.begin(bench.room, live, again=True)
    assert live.container.state.health.status == "healthy"
    health.begin(bench.room, live)
    assert live.container.state.health.status == "starting"


async def test_a_container_without_a_check_has_no_health(bench: Bench) -> None:
    """Inspect leaves it out."""
    live = await bench.run()
    assert live.container.state.health is None
    assert live.probes is None


async def test_an_unhealthy_container_is_stopped_and_starts_again_where_the_policy_says_so(bench: Bench) -> None:
    live = await bench.run(
        Healthcheck=CHECK, HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "on-unhealthy"}}
    )
    wanted = health.settings(CHECK)
    assert wanted is not None
    late = "2999-01-01T00:00:00Z"
    for _ in range(2):
        health.record(bench.room, live, {"Start": late, "End": late, "ExitCode": 1, "Output": ""}, wanted, 0)
    await bench.settled(live)
    assert (live.container.state.status, live.container.manually_stopped) == ("restarting", False)
