"""Killing."""

import pytest

from engine.containers import kill
from proto.errdefs import Conflict, InvalidArgument, NotFound, Unavailable
from tests.fakes.engine_room import Bench


async def test_a_kill_without_a_name_is_sigkill_and_waits_for_the_end(bench: Bench) -> None:
    live = await bench.run()
    await kill.kill(bench.room, live)
    assert live.container.state.exit_code == 137


async def test_another_signal_is_sent_and_announced(bench: Bench) -> None:
    live = await bench.run()
    await kill.kill(bench.room, live, "HUP")
    assert ("kill", live.container.id, 1, "") in bench.tasks.calls
    assert bench.actions[-1] == "kill"
    assert live.container.state.status == "running"


async def test_a_paused_container_is_thawed_to_die(bench: Bench) -> None:
    live = await bench.run()
    live.container.state.status = "paused"
    await kill.kill(bench.room, live)
    assert ("resume", live.container.id) in bench.tasks.calls


async def test_refusals_name_the_container(bench: Bench) -> None:
    live = await bench.create("web")
    with pytest.raises(Conflict, match=r"cannot kill container: web: container .* is not running"):
        await kill.kill(bench.room, live)
    with pytest.raises(InvalidArgument, match="cannot kill container: web: invalid signal: FOO"):
        await kill.kill(bench.room, live, "FOO")


async def test_the_stop_signal_and_sigkill_are_the_persons_will(bench: Bench) -> None:
    """The restart policy does not bring it back; another signal leaves it to the policy."""
    host = {"NetworkMode": "none", "RestartPolicy": {"Name": "always"}}
    live = await bench.run("one", HostConfig=host, StopSignal="USR1")
    await kill.kill(bench.room, live, "HUP")
    assert not live.container.manually_stopped
    await kill.kill(bench.room, live, "SIGUSR1")
    assert live.container.manually_stopped


async def test_a_process_that_has_just_ended_is_as_good_as_killed(bench: Bench) -> None:
    """The event is still on its way."""
    live = await bench.run()
    bench.tasks.refuse["kill"] = NotFound("process already finished")
    await kill.kill(bench.room, live, "TERM")


async def test_a_refusal_from_below_keeps_its_class(bench: Bench) -> None:
    """And names the container."""
    live = await bench.run()
    bench.tasks.refuse["kill"] = Unavailable("ttrpc: closed")
    with pytest.raises(Unavailable, match="cannot kill container: web: ttrpc: closed"):
        await kill.kill(bench.room, live, "TERM")


async def test_between_two_lives_there_is_nobody_to_kill(bench: Bench) -> None:
    """409."""
    live = await bench.create()
    live.container.state.status = "restarting"
    with pytest.raises(Conflict, match="is restarting"):
        await kill.kill(bench.room, live)


async def test_a_time_without_end_is_none(bench: Bench) -> None:
    """What does not run has ended already."""
    live = await bench.create()
    assert await kill.ended(live, 0)
