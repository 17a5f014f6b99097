"""Giving back what a container holds."""

import asyncio
import os
from pathlib import Path

import pytest

from engine.containers import release
from engine.containers.live import Attacher
from proto.errdefs import Fault, NotFound
from tests.fakes.engine_room import Bench


async def test_a_restart_that_waits_is_given_up(bench: Bench) -> None:
    live = await bench.create()
    live.restart = asyncio.ensure_future(asyncio.sleep(3600))
    live.container.state.status = "restarting"
    waiting = live.restart
    release.cancel_restart(live)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (live.restart, live.container.state.status) == (None, "exited")


async def test_those_who_wait_to_be_joined_hear_why_they_are_not(bench: Bench) -> None:
    live = await bench.create()
    joined: list[asyncio.Future[object]] = [asyncio.get_running_loop().create_future() for _ in range(2)]
    joined[1].cancel()  # this one has left
    live.attachers = [Attacher(False, True, True, one) for one in joined]  # type: ignore[arg-type]
    release.end_attachers(live, NotFound("gone"))
    assert live.attachers == []
    assert isinstance(joined[0].exception(), NotFound)


async def test_the_files_of_one_life_go_and_those_of_the_container_stay(bench: Bench) -> None:
    live = await bench.create()
    paths = bench.room.paths.container(live.container.id)
    for folder in (paths.volatile, paths.durable):
        os.makedirs(folder, exist_ok=True)
    release.files(bench.room, live.container)
    assert not Path(paths.volatile).exists()
    assert Path(paths.durable).exists()


async def test_what_the_supervisor_has_of_an_ended_life_goes_whole_or_was_not_there(bench: Bench) -> None:
    live = await bench.run()
    identifier = live.container.id
    for _ in range(2):
        await release.remains(bench.room, identifier)
        assert identifier not in bench.records.records
        await release.forget_record(bench.room, identifier)


async def test_a_record_that_cannot_be_deleted_is_left_for_the_next_start(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing:
        async def delete(self, container_id: str) -> None:
            raise Fault("busy")

    bench.room.supervisor.containers = Refusing()  # type: ignore[assignment]
    await release.forget_record(bench.room, "c")
    assert "deleting the record of c: busy" in caplog.text
