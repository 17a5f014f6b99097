"""Creating: what is inherited, defaulted, refused; and that a refusal leaves nothing behind."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from engine.containers import create
from engine.containers.rootfs import Rootfs
from proto.errdefs import Conflict, Fault, InvalidArgument, NotFound, Unavailable
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


@pytest.mark.parametrize("step", ["prepare", "row"])
async def test_whichever_step_fails_nothing_is_left(bench: Bench, step: str) -> None:
    """Snapshot, folder, volumes and name."""

    async def refuse(*_: object, **__: object) -> None:
        raise Unavailable("no")

    if step == "prepare":
        bench.snapshots.prepare = refuse  # type: ignore[method-assign, assignment]
    else:

        def refuse_row(*_: object) -> None:
            raise Conflict("taken meanwhile")

        bench.room.registry.add = refuse_row  # type: ignore[method-assign, assignment]
    with pytest.raises(Fault):
        await bench.create(Volumes={"/data": {}})
    assert not bench.snapshots.keys
    assert os.listdir(bench.paths.containers) == []
    assert bench.room.volumes.list() == []
    assert bench.actions == []


async def test_a_named_volume_of_a_refused_container_stays(bench: Bench) -> None:
    """As with dockerd: it was asked for by name."""

    async def refuse(*_: object, **__: object) -> None:
        raise Unavailable("no")

    bench.snapshots.prepare = refuse  # type: ignore[method-assign, assignment]
    with pytest.raises(Unavailable):
        await bench.create(HostConfig={"NetworkMode": "none", "Binds": ["cache:/data"]})
    assert [volume.name for volume in bench.room.volumes.list()] == ["cache"]


async def test_of_many_creates_with_one_name_one_wins(bench: Bench) -> None:
    """And the others leave nothing."""
    results = await asyncio.gather(*(bench.create("web") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in results) == 9
    assert len(bench.snapshots.keys) == 1
    assert len(os.listdir(bench.paths.containers)) == 1


async def test_without_a_name_one_is_made_up(bench: Bench) -> None:
    """Two words."""
    live = await bench.create("")
    assert live.container.name.count("_") == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"HostConfig": []}, "cannot unmarshal"),
        ({"NetworkingConfig": "x"}, "cannot unmarshal"),
        ({"Image": ""}, "no image specified"),
        ({"Image": 5}, "cannot unmarshal number"),
        ({"HostConfig": {"NetworkMode": "container:nope"}}, "No such container: nope"),
        ({"HostConfig": {"UTSMode": "host", "NetworkMode": "none"}, "Hostname": "x"}, "hostname and the UTS mode"),
    ],
)
async def test_bodies_that_are_no_container(bench: Bench, body: dict, words: str) -> None:
    """400."""
    with pytest.raises(InvalidArgument) as caught:
        await create.create(bench.room, "web", {"Image": "busybox"} | body)
    assert words in str(caught.value)


async def test_names_of_parts_match_without_regard_to_case(bench: Bench) -> None:
    """Go's decoder does so."""
    made = await create.create(bench.room, "web", {"image": "busybox", "hostconfig": {"networkmode": "none"}})
    assert bench.room.registry.find(made.id).container.host_config["NetworkMode"] == "none"


async def test_a_hostname_with_somebody_elses_network_is_a_conflict(bench: Bench) -> None:
    """There is one name in it already."""
    await bench.create("other")
    with pytest.raises(InvalidArgument, match="conflicting options: hostname and the network mode"):
        await bench.create(Hostname="x", HostConfig={"NetworkMode": "container:other"})


@pytest.mark.parametrize(("given", "kept"), [(0, None), (-5, -1), (7, 7)])
async def test_a_limit_of_no_processes_is_no_limit(bench: Bench, given: int, kept: int | None) -> None:
    """0 says nothing, a negative number "unlimited"."""
    live = await bench.create(HostConfig={"NetworkMode": "none", "PidsLimit": given})
    assert live.container.host_config["PidsLimit"] == kept


async def test_the_daemons_log_options_hold_unless_the_container_names_a_driver(bench: Bench) -> None:
    """Options of one driver mean nothing to another."""
    bench.room.config = replace(bench.room.config, log_opts={"max-size": "1m", "tag": "x"})
    live = await bench.create("one")
    assert live.container.host_config["LogConfig"] == {
        "Type": "json-file",
        "Config": {"max-size": "1m", "tag": "x"},
    }
    live = await bench.create("two", HostConfig={"NetworkMode": "none", "LogConfig": {"Type": "none"}})
    assert live.container.host_config["LogConfig"] == {"Type": "none", "Config": {}}


async def test_a_missing_working_folder_is_made_inside_the_root(bench: Bench) -> None:
    """At create, so that the image's later content cannot lead it elsewhere."""
    made: list[str] = []

    @contextlib.asynccontextmanager
    async def mounted(self: Rootfs, mounts: object) -> AsyncIterator[str]:
        key = next(iter(bench.snapshots.keys))
        made.append(key)
        yield str(bench.snapshots.folder / key)

    before, Rootfs.mounted = Rootfs.mounted, mounted  # type: ignore[method-assign]
    try:
        live = await bench.create(WorkingDir="/srv/../srv/app")
    finally:
        Rootfs.mounted = before  # type: ignore[method-assign]
    assert (bench.snapshots.folder / live.container.id / "srv" / "app").is_dir()
    assert made == [live.container.id]


async def test_what_stands_beside_config_counts_where_there_is_no_host_config(bench: Bench) -> None:
    """As in the API's first versions; docker-py's `runtime=` still goes there."""
    live = await bench.create(Runtime="foreign", Memory=8 << 20, NetworkMode="none", HostConfig=None)
    assert live.container.host_config["Memory"] == 8 << 20


async def test_the_default_network_is_called_by_its_name(bench: Bench) -> None:
    """In HostConfig as in the endpoints."""
    live = await bench.create(
        HostConfig={"NetworkMode": "default", "MemorySwappiness": -1},
        NetworkingConfig={"EndpointsConfig": {"default": {"MacAddress": "02:42:00:00:00:09"}}},
    )
    assert live.container.host_config["NetworkMode"] == "bridge"
    assert live.container.host_config["MemorySwappiness"] is None
    assert list(live.container.endpoints) == ["bridge"]


@pytest.mark.parametrize(("asked", "disabled"), [("", True), ("default", True), ("bridge", True), ("host", False)])
async def test_without_a_default_bridge_its_containers_have_no_network(
    bench: Bench, asked: str, disabled: bool
) -> None:
    bench.room.config = replace(bench.room.config, bridge="none")
    live = await bench.create(HostConfig={"NetworkMode": asked})
    assert live.container.config["NetworkDisabled"] is disabled
