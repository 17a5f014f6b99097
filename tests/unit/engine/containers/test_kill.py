"""Killing."""

import pytest

from engine.containers import kill
from proto.errdefs import Conflict, InvalidArgument
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
