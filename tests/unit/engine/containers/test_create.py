"""Creating: what is inherited, defaulted, refused; and that a refusal leaves nothing behind."""

import os

import pytest

from engine.containers import create
from proto.errdefs import Conflict, Fault, InvalidArgument, NotFound
from tests.fakes.engine_room import Bench, FakeImage


async def test_a_container_inherits_its_command_and_environment_from_the_image(bench: Bench) -> None:
    live = await bench.create()
    assert (live.container.path, live.container.args) == ("sh", [])
    assert live.container.config["Env"] == ["PATH=/bin"]
    assert bench.actions == ["create"]


async def test_defaults_are_what_inspect_shows(bench: Bench) -> None:
    live = await bench.create()
    host_config = live.container.host_config
    assert host_config["ShmSize"] == 64 << 20
    assert host_config["IpcMode"] == "private"
    assert host_config["RestartPolicy"] == {"Name": "no", "MaximumRetryCount": 0}
    assert host_config["LogConfig"] == {"Type": "json-file", "Config": {}}
    assert live.container.config["Hostname"] == live.container.id[:12]


async def test_swap_defaults_to_twice_the_memory(bench: Bench) -> None:
    live = await bench.create(HostConfig={"NetworkMode": "none", "Memory": 64 << 20})
    assert live.container.host_config["MemorySwap"] == 128 << 20


async def test_a_name_in_use_is_a_conflict_that_names_its_owner(bench: Bench) -> None:
    live = await bench.create("web")
    with pytest.raises(Conflict, match=f'"/web" is already in use by container "{live.container.id}"'):
        await bench.create("web")


async def test_a_missing_image_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound, match="No such image: nope:latest"):
        await bench.create(Image="nope")


async def test_an_empty_body_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidArgument, match="config cannot be empty"):
        await create.create(bench.room, "", {})


async def test_an_image_without_a_command_needs_one(bench: Bench) -> None:
    bench.images.image = FakeImage(container_config={})
    with pytest.raises(InvalidArgument, match="no command specified"):
        await bench.create()


async def test_a_refusal_leaves_no_snapshot_row_or_folder(bench: Bench) -> None:
    for host_config in ({"NetworkMode": "nowhere"}, {"Memory": 1}, {"Binds": ["/tmp:/x", "/etc:/x"]}):
        with pytest.raises(Fault):
            await bench.create(HostConfig={"NetworkMode": "none"} | host_config)
    assert not bench.snapshots.keys
    assert not list(bench.room.registry)
    assert os.listdir(bench.paths.containers) == []


async def test_an_anonymous_volume_of_a_refused_container_goes_again(bench: Bench) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise Fault("no space")

    bench.snapshots.prepare = refuse  # type: ignore[method-assign, assignment]
    with pytest.raises(Fault):
        await bench.create(Volumes={"/data": {}})
    assert bench.room.volumes.list() == []


async def test_joining_a_container_keeps_its_id(bench: Bench) -> None:
    other = await bench.create("other")
    live = await bench.create(HostConfig={"NetworkMode": "none", "PidMode": "container:other"})
    assert live.container.host_config["PidMode"] == f"container:{other.container.id}"
