"""A container's labels: what follows from what it shares, when they take effect, what they are given to."""

import os
from pathlib import Path

import pytest

from engine.containers import labelling
from engine.containers.model import Mount
from engine.security.labels import Labeller, Labels, Policy
from proto.containerd.types import mount_pb2
from proto.errdefs import InvalidArgument
from tests import needs
from tests.fakes.engine_room import Bench, host_config

POLICY = Policy("system_u:system_r:container_t:s0", "system_u:object_r:container_file_t:s0")
FILES = "system_u:object_r:container_file_t:s0:c1,c2"


def completed(bench: Bench, **changes: object) -> list[str]:
    document = host_config(**changes)
    labelling.complete(bench.room, document)
    return document["SecurityOpt"] or []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"Privileged": True}, ["label=disable"]),
        ({"PidMode": "host", "SecurityOpt": ["no-new-privileges"]}, ["no-new-privileges", "label=disable"]),
        ({"IpcMode": "host"}, ["label=disable"]),
        ({"Privileged": True, "SecurityOpt": ["label=type:t"]}, ["label=type:t"]),
    ],
)
async def test_who_shares_with_the_host_has_no_label(
    bench: Bench, changes: dict[str, object], found: list[str]
) -> None:
    assert completed(bench, **changes) == found


async def test_who_shares_with_a_container_has_its_label(bench: Bench) -> None:
    one, two = await bench.create("one"), await bench.create("two")
    ipc, pid = f"container:{one.container.id}", f"container:{two.container.id}"
    assert completed(bench, IpcMode=ipc) == []
    one.container.process_label = "u:r:t:s0:c1,c2"
    wanted = ["label=user:u", "label=role:r", "label=type:t", "label=level:s0:c1,c2"]
    assert completed(bench, IpcMode=ipc) == wanted
    assert completed(bench, IpcMode=ipc, PidMode=pid) == wanted
    two.container.process_label = "u:r:t:s0:c3,c4"
    with pytest.raises(InvalidArgument, match="--ipc and --pid containers SELinux labels aren't the same"):
        completed(bench, IpcMode=ipc, PidMode=pid)


async def test_without_selinux_anything_is_taken_and_nothing_done(bench: Bench, tmp_path: Path) -> None:
    live = await bench.create(HostConfig={"NetworkMode": "none", "SecurityOpt": ["label=nonsense"]})
    assert (live.container.process_label, live.container.mount_label) == ("", "")
    live.container.mount_label = FILES  # of a time when there was SELinux
    assert labelling.of(bench.room, live.container) == Labels()
    mounts = [mount_pb2.Mount(type="overlay")]
    assert labelling.mounts(bench.room, live.container, mounts) == mounts
    await labelling.relabel(bench.room, live.container, Mount("bind", str(tmp_path / "none"), "/m", mode="Z"))


async def test_a_container_is_made_with_labels_and_its_row_keeps_them(bench: Bench) -> None:
    bench.room.labeller = Labeller(POLICY)
    one, two = await bench.create("one"), await bench.create("two")
    assert one.container.process_label.startswith("system_u:system_r:container_t:s0:c")
    assert one.container.process_label != two.container.process_label
    own = labelling.of(bench.room, one.container)
    assert own == Labels(one.container.process_label, one.container.mount_label)
    one.container.host_config["Privileged"] = True
    assert labelling.of(bench.room, one.container).process == ""
    with pytest.raises(InvalidArgument, match="bad label option"):
        await bench.create("three", HostConfig={"NetworkMode": "none", "SecurityOpt": ["label=nonsense"]})


async def test_file_systems_of_its_own_have_the_label(bench: Bench) -> None:
    live = await bench.create()
    bench.room.labeller, live.container.mount_label = Labeller(POLICY), FILES
    given = [mount_pb2.Mount(type="overlay", options=["index=off"]), mount_pb2.Mount(type="bind")]
    overlay, bind = labelling.mounts(bench.room, live.container, given)
    assert list(overlay.options) == ["index=off", f'context="{FILES}"']
    assert list(bind.options) == []


@needs.root
@pytest.mark.parametrize(
    ("kind", "mode", "level"),
    [("bind", "", ""), ("bind", "z", ":s0"), ("bind", "ro,Z", ":s0:c1,c2"), ("volume", "", ":s0"), ("tmpfs", "z", "")],
)
async def test_binds_are_labelled_when_asked_for_and_volumes_always(
    bench: Bench, tmp_path: Path, kind: str, mode: str, level: str
) -> None:
    live = await bench.create()
    bench.room.labeller, live.container.mount_label = Labeller(POLICY), FILES
    await labelling.relabel(bench.room, live.container, Mount(kind, str(tmp_path), "/m", mode=mode))
    try:
        found = os.getxattr(tmp_path, "security.selinux").decode()
    except OSError:
        found = ""
    assert found.removeprefix("system_u:object_r:container_file_t") == level


@needs.root
async def test_the_engines_files_are_the_containers(bench: Bench, tmp_path: Path) -> None:
    live = await bench.create()
    bench.room.labeller, live.container.mount_label = Labeller(POLICY), FILES
    (tmp_path / "hosts").write_text("")
    labelling.give(bench.room, live.container, {"/etc/hosts": str(tmp_path / "hosts"), "/etc/none": "/none/there"})
    assert os.getxattr(tmp_path / "hosts", "security.selinux").decode() == FILES
