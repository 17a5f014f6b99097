"""What a spec needs looked up."""

import os
from pathlib import Path

import pytest

from engine.containers import inputs, start
from proto.errdefs import Conflict, FailedPrecondition, Fault
from tests.fakes.engine_room import Bench, host_config


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


async def test_a_container_may_join_one_that_shares_its_memory(bench: Bench) -> None:
    """IpcMode of the donor: shareable, or the host's."""
    donor = await bench.run("donor")
    donor.container.host_config["IpcMode"] = "shareable"
    live = await bench.create(HostConfig={"NetworkMode": "none", "IpcMode": "container:donor"})
    assert inputs.joined_pids(bench.room, live.container) == {"ipc": donor.container.state.pid}
    assert inputs._shared_memory(bench.room, live.container) == bench.paths.container(donor.container.id).shm
    donor.container.host_config["IpcMode"] = "host"
    assert inputs._shared_memory(bench.room, live.container) == "/dev/shm"


@pytest.mark.parametrize(("mode", "place"), [("host", "/dev/shm"), ("none", ""), ("private", None)])
async def test_where_shared_memory_comes_from(bench: Bench, mode: str, place: str | None) -> None:
    """None means a tmpfs of the runtime's making."""
    live = bench.add(host_config=host_config(IpcMode=mode))
    assert inputs._shared_memory(bench.room, live.container) == place


async def test_a_paused_container_can_be_joined_and_a_restarting_one_not(bench: Bench) -> None:
    """Namespaces live as long as their task."""
    other = await bench.run("other")
    live = await bench.create(HostConfig={"NetworkMode": "none", "PidMode": "container:other"})
    other.container.state.status = "paused"
    assert inputs.joined_pids(bench.room, live.container)
    other.container.state.status = "restarting"
    with pytest.raises(Conflict, match="cannot join PID namespace of a non running container"):
        inputs.joined_pids(bench.room, live.container)


def test_a_file_of_an_untrusted_tree_is_small_text_or_nothing(tmp_path: Path) -> None:
    """No link leads out, no FIFO waits, no device is endless (CVE-2024-9676)."""
    (tmp_path / "secret").write_text("root:x:0:0::/:")
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "out").symlink_to(tmp_path / "secret")
    (tree / "etc" / "up").symlink_to("../../secret")
    os.mkfifo(tree / "etc" / "fifo")
    (tree / "etc" / "plain").write_bytes(b"a\xffb")
    (tree / "etc" / "inside").symlink_to("/etc/plain")
    root = os.open(tree, os.O_PATH | os.O_DIRECTORY)
    for name in ("out", "up", "fifo", "missing"):
        assert inputs.read_in_root(root, f"etc/{name}") == ""
    assert inputs.read_in_root(root, "etc/plain") == "a\ufffdb"
    assert inputs.read_in_root(root, "etc/inside") == "a\ufffdb"
    os.close(root)


def test_a_file_without_end_is_cut_off(tmp_path: Path) -> None:
    """A mebibyte of passwd is enough (CVE-2026-47262)."""
    (tmp_path / "passwd").write_bytes(b"x" * (3 << 20))
    root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    assert len(inputs.read_in_root(root, "passwd")) == 1 << 20
    os.close(root)


async def test_block_devices_are_looked_up_by_path(bench: Bench) -> None:
    """Their numbers go beside it, where the spec's builder reads them."""
    given = {"BlkioDeviceReadBps": [{"Path": "/dev/null", "Rate": 1}]}
    inputs.block_devices(given)
    assert given["BlkioDeviceReadBps"][0] == {"Path": "/dev/null", "Rate": 1, "Major": 1, "Minor": 3}


async def test_a_throttled_device_that_is_not_there_fails_the_start(bench: Bench) -> None:
    """As a refusal that names it, with everything undone."""
    throttle = [{"Path": "/dev/no-such", "Rate": 1}]
    live = await bench.create(HostConfig={"NetworkMode": "none", "BlkioDeviceReadBps": throttle})
    with pytest.raises(Fault, match="/dev/no-such"):
        await start.start(bench.room, live)
    assert not bench.networks.held
