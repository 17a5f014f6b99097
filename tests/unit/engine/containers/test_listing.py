"""Lists and filters."""

import pytest

from engine.containers import listing
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
