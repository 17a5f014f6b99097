"""Health checks."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.containers import health
from engine.containers.model import Health
from engine.containers.probing import Outcome
from engine.spec.process import User
from proto.errdefs import Fault
from tests.fakes.engine_room import Bench

Json = dict[str, Any]

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


class InShim:
    """Checks of the shim's that end as they are told to."""

    def __init__(self, outcome: Outcome | Fault) -> None:
        self.outcome = outcome
        self.asked: list[tuple[str, Any]] = []

    async def available(self) -> bool:
        return True

    async def run(
        self, exec_id: str, process: Json, began: Callable[[int], None], *, timeout: float, limit: int
    ) -> Outcome:
        self.asked.append((exec_id, process["args"]))
        began(4711)
        assert (timeout, limit) == (2.0, 4096)
        if isinstance(self.outcome, Fault):
            raise self.outcome
        return self.outcome


@pytest.mark.parametrize(
    ("outcome", "code", "output", "last"),
    [
        (Outcome(0, "fine"), 0, "fine", "exec_die"),
        (Outcome(3, "bad"), 3, "bad", "exec_die"),
        (Outcome(137, "", overdue=True), -1, "Health check exceeded timeout (2s)", "exec_die"),
        (Outcome(137, "so far", overdue=True), -1, "Health check exceeded timeout (2s): so far", "exec_die"),
        (Fault('exec: "x": executable file not found in $PATH'), -1, "executable file not found", "exec_start: x -y"),
    ],
)
async def test_a_check_in_the_shim_is_an_exec_to_everybody(
    bench: Bench, outcome: Outcome | Fault, code: int, output: str, last: str
) -> None:
    """The same events, the same result."""
    wanted = health.settings({"Test": ["CMD", "x", "-y"], "Timeout": 2 * 10**9})
    assert wanted is not None
    live = await bench.run()
    bench.room.execs._user = lambda made: (User(), "/")  # type: ignore[method-assign]
    seen = len(bench.actions)
    shim = InShim(outcome)
    result = await health._probe(bench.room, live, wanted, shim)  # type: ignore[arg-type]
    assert result["ExitCode"] == code
    assert output in result["Output"]
    assert [args for _, args in shim.asked] == [["x", "-y"]]
    assert bench.actions[seen:][:2] == ["exec_create: x -y", "exec_start: x -y"]
    assert bench.actions[-1] == last
    assert live.execs == {}
    made = bench.room.execs.get(shim.asked[0][0])
    assert (made.pid, made.running, made.done.is_set()) == (4711, False, True)


async def test_only_news_are_written_down(bench: Bench) -> None:
    """A check that ends as the one before costs no disk a write."""
    live = bench.add()
    live.container.state.health = Health()
    wanted = health.settings(CHECK)
    assert wanted is not None
    saved = []
    bench.room.registry.save = lambda live: saved.append(live.container.state.health.status)  # type: ignore[method-assign]
    late = "2999-01-01T00:00:00Z"
    for code in (0, 0, 1, 1, 0, 0):
        health.record(bench.room, live, {"Start": late, "End": late, "ExitCode": code, "Output": ""}, wanted, 0)
    assert saved == ["healthy", "healthy", "unhealthy", "healthy"]
    assert len(live.container.state.health.log) == 5
