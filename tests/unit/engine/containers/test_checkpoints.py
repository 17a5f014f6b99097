"""Checkpoints of containers: where they lie, and who may start from one."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.containers import checkpoints, start
from engine.containers.live import Live
from proto.containerd.types.runc.options import oci_pb2
from proto.errdefs import Conflict, Fault, Internal, InvalidArgument, NotFound, PermissionDenied, Unimplemented
from tests.fakes.engine_room import Bench


@pytest.fixture
async def live(bench: Bench) -> Live:
    bench.room.config = replace(bench.room.config, experimental=True)
    return await bench.run()


def folder_of(bench: Bench, live: Live) -> Path:
    return Path(bench.paths.container(live.container.id).checkpoints)


async def test_one_lies_below_the_container_and_is_announced(bench: Bench, live: Live) -> None:
    await checkpoints.create(bench.room, live, "one", folder="", leave_running=True)
    assert (folder_of(bench, live) / "one" / "inventory.img").exists()
    assert checkpoints.listing(bench.room, live.container, "") == ["one"]
    assert bench.actions[-1] == "checkpoint"
    assert live.container.state.status == "running"
    await checkpoints.remove(bench.room, live.container, "one", "")
    assert checkpoints.listing(bench.room, live.container, "") == []


async def test_the_container_ends_unless_it_is_to_go_on(bench: Bench, live: Live) -> None:
    await checkpoints.create(bench.room, live, "one", folder="", leave_running=False)
    await bench.settled(live)
    assert (live.container.state.status, live.container.state.exit_code) == ("exited", 137)


async def test_what_could_not_be_restored_is_not_stopped(bench: Bench, live: Live) -> None:
    live.container.id_map = {"uids": [[0, 100_000, 65_536]], "gids": [[0, 100_000, 65_536]]}
    with pytest.raises(Unimplemented, match="it has a user namespace, and criu could not restore it"):
        await checkpoints.create(bench.room, live, "one", folder="", leave_running=False)
    assert live.container.state.status == "running"
    assert checkpoints.listing(bench.room, live.container, "") == []


async def test_it_starts_from_one(bench: Bench, live: Live) -> None:
    """The images are named to the runtime, and the pid is known from the start on only."""
    await checkpoints.create(bench.room, live, "one", folder="", leave_running=False)
    await bench.settled(live)
    await start.start(bench.room, live, checkpoint="one")
    options = [call[2] for call in bench.tasks.calls if call[0] == "create" and len(call) > 2][-1]
    asked = oci_pb2.Options.FromString(options.value)
    assert (options.type_url, asked.criu_image_path) == (
        "containerd.runc.v1.Options",
        str(folder_of(bench, live) / "one"),
    )
    assert (live.container.state.status, live.container.state.pid) == ("running", 1002)


async def test_nothing_stays_of_one_that_failed(bench: Bench, live: Live) -> None:
    bench.tasks.refuse["checkpoint"] = Fault("criu failed: type DUMP errno 0")
    with pytest.raises(Internal, match="^Cannot checkpoint container web: criu failed: type DUMP errno 0$"):
        await checkpoints.create(bench.room, live, "one", folder="", leave_running=False)
    assert checkpoints.listing(bench.room, live.container, "") == []
    assert live.container.state.status == "running"


@pytest.mark.parametrize("name", ["", "x", ".x", "a/b", "..", "ends.", "line\n"])
async def test_a_name_is_a_name(bench: Bench, live: Live, name: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid checkpoint ID"):
        await checkpoints.create(bench.room, live, name, folder="", leave_running=True)
    with pytest.raises(InvalidArgument, match="invalid checkpoint ID"):
        await checkpoints.remove(bench.room, live.container, name, "")


async def test_the_client_may_choose_another_folder(bench: Bench, live: Live, tmp_path: Path) -> None:
    await checkpoints.create(bench.room, live, "one", folder=str(tmp_path / "there"), leave_running=True)
    assert checkpoints.listing(bench.room, live.container, str(tmp_path / "there")) == ["one"]
    with pytest.raises(Internal, match="checkpoint with name one already exists for container web"):
        await checkpoints.create(bench.room, live, "one", folder=str(tmp_path / "there"), leave_running=True)
    with pytest.raises(NotFound, match="checkpoint directory .* does not exist for container web"):
        checkpoints.listing(bench.room, live.container, str(tmp_path / "nowhere"))
    (tmp_path / "file").touch()
    with pytest.raises(InvalidArgument, match="exists but is not a directory"):
        checkpoints.listing(bench.room, live.container, str(tmp_path / "file"))


async def test_only_a_running_container_has_something_to_check_point(bench: Bench, live: Live) -> None:
    idle = await bench.create("idle")
    with pytest.raises(Conflict, match="is not running"):
        await checkpoints.create(bench.room, idle, "one", folder="", leave_running=True)


async def test_what_is_not_there_is_named(bench: Bench, live: Live) -> None:
    idle = await bench.create("idle")
    with pytest.raises(Internal, match="checkpoint none does not exist for container idle"):
        await start.start(bench.room, idle, checkpoint="none")
    with pytest.raises(PermissionDenied, match="custom checkpointdir is not supported"):
        await start.start(bench.room, idle, checkpoint="none", checkpoint_dir="/tmp")
    assert idle.container.state.status == "created"


async def test_without_experimental_features_there_are_none(bench: Bench) -> None:
    idle = await bench.create("idle")
    with pytest.raises(Unimplemented, match="experimental feature is disabled by default"):
        checkpoints.require_experimental(bench.room)
    with pytest.raises(InvalidArgument, match="checkpoint is only supported in experimental mode"):
        await start.start(bench.room, idle, checkpoint="one")
