"""Lists and filters."""

import asyncio
from typing import Any

import pytest

from engine.containers import listing
from engine.containers.live import Live
from engine.containers.model import Health, Mount
from engine.filters import Filters
from proto.errdefs import InvalidArgument, NotFound
from tests.fakes.engine_room import Bench, config, host_config


def names(bench: Bench, filters: dict[str, list[str]] | None = None, **more: object) -> list[str]:
    return [live.container.name for live in listing.choose(bench.room, Filters(filters or {}), **more)]  # type: ignore[arg-type]


@pytest.fixture
def three(bench: Bench) -> Bench:
    for number, status in enumerate(("exited", "running", "created")):
        live = bench.add(
            name=f"c{number}x",
            container_id=str(number) * 64,
            created=f"2026-01-0{number + 1}T00:00:00Z",
            config=config(Labels={"n": str(number)}, ExposedPorts={"80/tcp": {}} if number else None),
            host_config=host_config(PortBindings={"53/udp": []} if number == 1 else None),
        )
        live.container.state.status = status
        live.container.state.exit_code = 3 if status == "exited" else 0
        if status != "created":
            live.container.state.started_at = "2026-01-01T00:00:00Z"
    return bench


async def test_running_ones_or_all_the_newest_first(three: Bench) -> None:
    assert names(three) == ["c1x"]
    assert names(three, everything=True) == ["c2x", "c1x", "c0x"]
    assert names(three, limit=2) == ["c2x", "c1x"]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"status": ["exited"]}, ["c0x"]),
        ({"exited": ["3"]}, ["c0x"]),
        ({"exited": ["0"]}, []),
        ({"name": ["c[12]"]}, ["c2x", "c1x"]),
        ({"id": ["^222"]}, ["c2x"]),
        ({"label": ["n=1"]}, ["c1x"]),
        ({"before": ["c1x"]}, ["c0x"]),
        ({"since": ["c1x"]}, ["c2x"]),
        ({"ancestor": ["busybox"]}, ["c2x", "c1x", "c0x"]),
        ({"ancestor": ["busybox:latest"]}, ["c2x", "c1x", "c0x"]),
        ({"ancestor": ["alpine"]}, []),
        ({"network": ["none"]}, ["c2x", "c1x", "c0x"]),
        ({"network": ["other"]}, []),
        ({"publish": ["50-60/udp"]}, ["c1x"]),
        ({"expose": ["80"]}, ["c2x", "c1x"]),
        ({"health": ["none"]}, ["c2x", "c1x", "c0x"]),
        ({"is-task": ["false"]}, ["c2x", "c1x", "c0x"]),
        ({"volume": ["x"]}, []),
    ],
)
async def test_each_filter(three: Bench, filters: dict[str, list[str]], wanted: list[str]) -> None:
    assert names(three, filters, everything=True) == wanted


async def test_refusals(three: Bench) -> None:
    for filters in ({"status": ["x"]}, {"health": ["x"]}, {"exited": ["x"]}, {"publish": ["x"]}):
        with pytest.raises(InvalidArgument):
            names(three, filters, everything=True)
    with pytest.raises(NotFound, match="No such container: zz"):
        names(three, {"before": ["zz"]})


async def test_sizes_come_from_the_snapshots(bench: Bench) -> None:
    live = await bench.create()
    assert await listing.sizes(bench.room, [live]) == {live.container.id: (10, 10)}


async def test_paused_and_restarting_ones_run(three: Bench) -> None:
    """`docker ps` shows them without -a."""
    three.room.registry.find("c0x").container.state.status = "paused"
    three.room.registry.find("c2x").container.state.status = "restarting"
    assert names(three) == ["c2x", "c1x", "c0x"]


async def test_before_and_since_see_stopped_ones_too(three: Bench) -> None:
    """And neither contains the one it names."""
    assert names(three, {"before": ["c2x"]}) == ["c1x", "c0x"]
    assert names(three, {"since": ["c0x"]}) == ["c2x", "c1x"]
    assert names(three, {"before": ["c2x"], "since": ["c0x"]}) == ["c1x"]


async def test_a_code_of_one_that_never_ran_or_still_runs_is_no_exit(three: Bench) -> None:
    """Else every new container had exited with 0."""
    assert names(three, {"exited": ["0", "3"]}) == ["c0x"]


async def test_names_match_with_and_without_their_slash(three: Bench) -> None:
    """Compose anchors its patterns at either."""
    assert names(three, {"name": ["^/c1x$"]}) == ["c1x"]
    assert names(three, {"name": ["^c1x$"]}) == ["c1x"]
    assert names(three, {"name": ["["]}) == []


async def test_every_label_must_be_there(three: Bench) -> None:
    """One that is not is enough to be left out."""
    assert names(three, {"label": ["n=1", "n"]}) == ["c1x"]
    assert names(three, {"label": ["n=1", "other"]}) == []


async def test_ancestors_by_short_id(three: Bench) -> None:
    """With or without the algorithm."""
    for word in ("1" * 12, "sha256:" + "1" * 64):
        assert names(three, {"ancestor": [word]}) == ["c1x"]


async def test_volumes_by_name_source_and_place(bench: Bench) -> None:
    """As the person knows them, and whole."""
    live = bench.add(mounts=[Mount("volume", "/v/cache/_data", "/data", "cache")])
    live.container.state.status = "running"
    for word in ("cache", "/data", "/v/cache/_data"):
        assert names(bench, {"volume": [word]}) == ["web"]
    assert names(bench, {"volume": ["/dat"]}) == []


async def test_networks_by_name_and_id(three: Bench) -> None:
    """Exactly."""
    assert names(three, {"network": ["n0"]}) == ["c1x"]
    assert names(three, {"network": ["non"]}) == []


async def test_ports_by_protocol(three: Bench) -> None:
    """tcp unless said otherwise; published and exposed are two things."""
    assert names(three, {"publish": ["53"]}) == []
    assert names(three, {"publish": ["53/udp"]}) == ["c1x"]
    assert names(three, {"publish": ["80"]}) == []


async def test_there_are_no_swarm_tasks_here(three: Bench) -> None:
    """Asked for them alone, the answer is none."""
    assert names(three, {"is-task": ["true"]}) == []


async def test_health_is_a_value_also_where_nobody_asks_for_it(three: Bench) -> None:
    """ "none" is one."""
    three.room.registry.find("c1x").container.state.health = Health("healthy")
    assert names(three, {"health": ["healthy"]}) == ["c1x"]
    assert names(three, {"health": ["none"]}) == []


async def test_a_snapshot_that_is_just_going_counts_nothing(bench: Bench) -> None:
    """Listing goes on."""
    live = bench.add()
    assert await listing.sizes(bench.room, [live]) == {live.container.id: (0, 0)}


async def test_a_long_list_lets_others_have_their_turn(bench: Bench) -> None:
    """While it is made, whoever else asks is answered."""
    lives = [bench.add(name=f"c{number}", container_id=f"{number:064x}") for number in range(3 * listing.SLICE)]
    turns: list[int] = []
    seen: list[str] = []

    async def other() -> None:
        while len(seen) < len(lives):
            turns.append(len(seen))
            await asyncio.sleep(0)

    def show(live: Live) -> dict[str, Any]:
        seen.append(live.container.name)
        return {"Name": live.container.name}

    beside = asyncio.ensure_future(other())
    assert await listing.shown(lives, show) == [{"Name": live.container.name} for live in lives]
    await beside
    assert len(turns) >= 2


async def test_layers_that_several_stand_on_are_measured_once(bench: Bench) -> None:
    one, two = await bench.create("one"), await bench.create("two")
    asked: list[str] = []
    usage = bench.snapshots.usage

    async def counted(key: str) -> tuple[int, int]:
        asked.append(key)
        return await usage(key)

    bench.snapshots.usage = counted  # type: ignore[method-assign]
    found = await listing.sizes(bench.room, [one, two])
    assert found == {one.container.id: (10, 10), two.container.id: (10, 10)}
    assert len(asked) == len(set(asked)) == 3


@pytest.mark.parametrize("name", ["publish", "expose"])
@pytest.mark.parametrize("word", ["x", "x/y", "80-", "-80", "80-x", "99999", "1-99999999999999", "²", "+1"])
def test_what_is_no_port_is_refused_before_a_container_is_looked_at(bench: Bench, name: str, word: str) -> None:
    """And a range costs no more than there are ports."""
    with pytest.raises(InvalidArgument, match=rf"^error while looking up for {name} "):
        listing.choose(bench.room, Filters({name: [word]}))


@pytest.mark.parametrize(
    ("word", "ports", "protocol"),
    [("80", range(80, 81), "tcp"), ("80-82/udp", range(80, 83), "udp"), ("9-8", range(9, 9), "tcp")],
)
def test_a_port_filter_is_a_port_or_a_range(word: str, ports: range, protocol: str) -> None:
    assert listing.port_span("publish", word) == (ports, protocol)
