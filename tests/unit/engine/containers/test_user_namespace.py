"""Which user namespace a new container gets."""

from pathlib import Path

import pytest

from engine.containers import user_namespace
from engine.users.idmap import Extent, IdMap
from engine.users.ranges import Ranges
from proto.containerd.types import mount_pb2
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import Bench, host_config

REMAP = IdMap((Extent(0, 100_000, 65_536),), (Extent(0, 100_000, 65_536),))
OTHER = IdMap((Extent(0, 300_000, 65_536),), (Extent(0, 300_000, 65_536),))


def decide(bench: Bench, **changes: object) -> IdMap | None:
    return user_namespace.decide(bench.room, "c" * 64, host_config(**changes))


async def test_without_a_mapping_every_container_has_the_hosts_ids(bench: Bench) -> None:
    assert decide(bench) is None
    assert decide(bench, Privileged=True, NetworkMode="host", PidMode="host") is None


async def test_with_one_only_those_that_ask_for_the_host_have_them(bench: Bench) -> None:
    bench.room.remap = REMAP
    assert decide(bench) == REMAP
    assert decide(bench, UsernsMode="host", Privileged=True) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Privileged": True}, "privileged mode is incompatible with user namespaces.  You must run the container in"),
        ({"NetworkMode": "host"}, "cannot share the host's network namespace when user namespaces are enabled"),
        ({"SecurityOpt": ["writable-cgroups=false"]}, "option WritableCgroups conflicts with user namespaces"),
        ({"PidMode": "host"}, "cannot share the host PID namespace when user namespaces are enabled"),
    ],
)
async def test_what_cannot_be_together_is_refused_in_dockerds_words(
    bench: Bench, changes: dict[str, object], words: str
) -> None:
    bench.room.remap = REMAP
    with pytest.raises(InvalidArgument) as refused:
        decide(bench, **changes)
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("mode", ["private", "keep-id", "nomap", "ns:/x", "container:x", "auto:uidmapping=0:1:1"])
async def test_other_modes_are_refused_by_name(bench: Bench, mode: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^invalid userns mode: {mode}: "):
        decide(bench, UsernsMode=mode)


async def test_auto_gives_each_its_own_and_a_row_keeps_it(bench: Bench, tmp_path: Path) -> None:
    for name in ("subuid", "subgid"):
        (tmp_path / name).write_text("containers:1000:3000\n")
    bench.room.ranges = Ranges(str(tmp_path / "subuid"), str(tmp_path / "subgid"))
    wanted = {"NetworkMode": "none", "UsernsMode": "auto:size=1024"}
    found = [(await bench.create(name, HostConfig=dict(wanted))).container.ids for name in ("one", "two")]
    assert [each.root for each in found if each] == [(1000, 1000), (2024, 2024)]
    one = bench.room.registry.find("one")
    assert decide(bench, UsernsMode="auto", IpcMode=f"container:{one.container.id}") == found[0]


async def test_namespaces_are_shared_only_by_those_who_have_the_same_ids(bench: Bench) -> None:
    other = await bench.create("other")
    joining = {"PidMode": f"container:{other.container.id}"}
    bench.room.remap = REMAP
    for theirs in (None, OTHER.to_json()):
        other.container.id_map = theirs
        with pytest.raises(InvalidArgument, match="it has other user ids than this container would have"):
            decide(bench, **joining)
    other.container.id_map = REMAP.to_json()
    assert decide(bench, **joining) == REMAP
    assert decide(bench, UsernsMode="host", **joining) is None


async def test_those_that_were_made_before_are_named(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await bench.create("old")
    await bench.create("chosen", HostConfig={"NetworkMode": "none", "UsernsMode": "host"})
    user_namespace.tell_of_others(bench.room)
    assert caplog.text == ""
    bench.room.remap = REMAP
    await bench.create("new")
    user_namespace.tell_of_others(bench.room)
    assert caplog.messages == ["made before userns-remap was what it is, and left as they are: old"]


async def test_a_container_with_the_hosts_ids_needs_nothing(bench: Bench, tmp_path: Path) -> None:
    live = await bench.create()
    mounts = [mount_pb2.Mount(type="overlay")]
    async with user_namespace.held(bench.room, live.container) as held:
        assert held is None
        async with user_namespace.seen(bench.room, mounts, held) as shown:
            assert shown == mounts
    (tmp_path / "hosts").write_text("")
    user_namespace.give({"/etc/hosts": str(tmp_path / "hosts")}, held)
