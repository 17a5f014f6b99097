"""What a spec needs looked up."""

import pytest

from engine.containers import inputs
from proto.errdefs import Conflict, FailedPrecondition
from tests.fakes.engine_room import Bench


async def test_joined_namespaces_are_pids(bench: Bench) -> None:
    other = await bench.run("other")
    live = await bench.create(HostConfig={"NetworkMode": "none", "PidMode": "container:other"})
    assert inputs.joined_pids(bench.room, live.container) == {"pid": other.container.state.pid}


async def test_what_does_not_run_or_does_not_share_is_not_joined(bench: Bench) -> None:
    await bench.create("other")
    live = await bench.create(HostConfig={"NetworkMode": "none", "PidMode": "container:other"})
    with pytest.raises(Conflict, match="cannot join PID namespace of a non running container"):
        inputs.joined_pids(bench.room, live.container)
    await bench.run("third")
    live = await bench.create("fourth", HostConfig={"NetworkMode": "none", "IpcMode": "container:third"})
    with pytest.raises(FailedPrecondition, match="non-shareable IPC"):
        inputs.joined_pids(bench.room, live.container)
