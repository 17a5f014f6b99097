"""Volumes."""

import os
import shutil
from pathlib import Path

import pytest

from proto.errdefs import Conflict, InvalidArgument, NotFound
from tests.fakes.engine_room import Bench


async def test_a_volume_is_made_once_and_found_again(bench: Bench) -> None:
    volumes = bench.room.volumes
    made = volumes.ensure("data", labels={"a": "b"})
    assert volumes.ensure("data") == made
    assert os.path.isdir(volumes.mountpoint("data"))
    assert volumes.to_json(made)["Labels"] == {"a": "b"}
    assert not made.anonymous
    assert volumes.ensure("").anonymous


async def test_a_used_volume_stays(bench: Bench) -> None:
    live = await bench.create(HostConfig={"NetworkMode": "none", "Binds": ["data:/d"]})
    with pytest.raises(Conflict, match=f"volume is in use - .{live.container.id}"):
        bench.room.volumes.remove("data")


async def test_refusals(bench: Bench) -> None:
    volumes = bench.room.volumes
    with pytest.raises(InvalidArgument, match="at least two alphanumeric characters"):
        volumes.ensure("v")
    with pytest.raises(InvalidArgument, match="file name too long: 256 letters, 255 at most"):
        volumes.ensure("v" * 256)
    with pytest.raises(InvalidArgument, match="includes invalid characters"):
        volumes.ensure("a/b")
    with pytest.raises(NotFound, match="get nope: no such volume"):
        volumes.remove("nope")
    volumes.remove("nope", force=True)
    with pytest.raises(InvalidArgument, match="missing device"):
        volumes.ensure("xy", options={"type": "nfs"})


async def test_size_is_of_the_files(bench: Bench) -> None:
    volumes = bench.room.volumes
    volumes.ensure("data")
    Path(volumes.mountpoint("data"), "f").write_bytes(b"12345")
    assert volumes.size("data") == 5
    volumes.remove("data")
    assert volumes.list() == []


async def test_a_volume_is_out_of_sight_while_its_files_are_deleted(bench: Bench) -> None:
    """Whatever an engine that died left of them goes when the next one starts."""
    volumes = bench.room.volumes
    folder = Path(volumes.mountpoint("data")).parent.parent
    for erase in (False, True):
        volumes.ensure("data")
        Path(volumes.mountpoint("data"), "f").touch()
        if erase:
            await volumes.erase("data")
        else:
            gone = volumes._retire("data", force=False)
            assert volumes.list() == []
            assert os.listdir(folder) == [gone]
            volumes.sweep()
        assert os.listdir(folder) == []
    await volumes.erase("data", force=True)
    with pytest.raises(NotFound):
        await volumes.erase("data")


async def test_a_volume_whose_folder_is_gone_can_be_removed(bench: Bench) -> None:
    volumes = bench.room.volumes
    volumes.ensure("data")
    shutil.rmtree(Path(volumes.mountpoint("data")).parent)
    assert volumes.size("data") == 0
    volumes.remove("data")
    assert volumes.list() == []
