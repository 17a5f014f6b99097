"""What a prune takes."""

import time

import pytest

from engine.builder.cache import Entry
from engine.builder.cache_mounts import Kept
from engine.builder.pruning import MOUNT, Limits, Prune, Record, of_mount, of_step
from engine.builder.state import Layer
from engine.filters import Filters
from engine.images.model import Descriptor
from proto.errdefs import InvalidArgument

_NOW = time.time()


def _step(key: str, age: float = 0, size: int = 10, *, in_use: bool = False) -> Record:
    layer = Layer(Descriptor("t", "sha256:x", size), "sha256:y")
    return of_step(Entry(key, "2026-01-01T00:00:00Z", layer, description=f"RUN {key}", used=_NOW - age), in_use)


def _mount(name: str, *, in_use: bool = False) -> Record:
    return of_mount(Kept(name, "pip", "2026-01-01T00:00:00Z", _NOW - 50, 7, in_use))


_ALL = [_step("new"), _step("old", 7200), _step("busy", 9000, in_use=True), _mount("m" * 64)]


def _chosen(prune: Prune) -> list[str]:
    return [record.key[:4] for record in prune.choose(_ALL)]


def test_steps_go_the_oldest_first_and_cache_mounts_only_with_all() -> None:
    assert _chosen(Prune()) == ["old", "new"]
    assert _chosen(Prune(everything=True)) == ["old", "mmmm", "new"]


def test_what_is_to_be_kept_is_the_newest() -> None:
    assert _chosen(Prune(limits=Limits(reserved=27))) == ["old"]
    assert _chosen(Prune(limits=Limits(reserved=1000))) == []


@pytest.mark.parametrize(
    ("limits", "total", "free", "kept"),
    [
        (Limits(), 100, 5, 0),
        (Limits(most=60), 100, 5, 60),
        (Limits(free=50), 100, 30, 80),
        (Limits(free=50), 100, 70, 100),
        (Limits(most=90, free=50), 100, 30, 80),
        (Limits(most=70, free=50), 100, 30, 70),
        (Limits(most=70, free=50), 100, 70, 70),
        (Limits(reserved=95, free=50), 100, 30, 95),
        (Limits(free=500), 100, 30, 0),
    ],
)
def test_what_may_stay_is_the_least_of_the_limits_but_never_less_than_what_is_reserved(
    limits: Limits, total: int, free: int, kept: int
) -> None:
    assert limits.keep(total, free) == kept


def test_a_full_disk_takes_no_more_than_it_needs() -> None:
    chosen = Prune(everything=True, limits=Limits(free=112)).choose(_ALL, free=100)
    assert [record.key[:4] for record in chosen] == ["old", "mmmm"]
    assert Prune(everything=True, limits=Limits(free=112)).choose(_ALL, free=112) == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        *(("until", "1h", ["old"]), ("unused-for", "1h", ["old"]), ("type", MOUNT, ["mmmm"]), ("id", "^ol", ["old"])),
        *(("type", "regular", ["old", "new"]), ("description", "RUN new", ["new"]), ("inuse", "true", [])),
        *(("private", "1", ["old", "new"]), ("shared", "true", []), ("parent", "x", []), ("label", "x", [])),
    ],
)
def test_filters_are_dockerds(name: str, value: str, expected: list[str]) -> None:
    assert _chosen(Prune(filters=Filters({name: [value]}))) == expected


@pytest.mark.parametrize(
    "filters",
    [{"until": ["soon"]}, {"until": ["1h"], "unused-for": ["1h"]}, {"id": ["a", "b"]}, {"id": ["["]}],
)
def test_nonsense_is_refused(filters: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidArgument):
        Prune(filters=Filters(filters)).choose(_ALL)


def test_a_record_is_shown_as_dockerd_shows_it() -> None:
    shown = _mount("m" * 64, in_use=True).document()
    assert (shown["ID"], shown["Type"], shown["InUse"], shown["Size"]) == ("m" * 25, MOUNT, True, 7)
    assert shown["Description"] == "cached mount pip"
