"""Docker's filters for image lists."""

import pytest

from engine.filters import Filters
from engine.images.listing import matches, understand
from engine.images.reference import parse
from proto.errdefs import InvalidArgument, NotFound
from tests.fakes.engine_images import World


async def shown(world: World, filters: dict[str, list[str]]) -> list[list[str]]:
    selection = await understand(Filters(filters), world.catalog.resolve)
    found = [selection.narrow(image) for image in await world.catalog.all()]
    return sorted((image.tags for image in found if image is not None), key=str)


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add("docker.io/library/a:1", "docker.io/library/a:2", created="2024-01-01T00:00:00Z")
    await world.add(
        "gcr.io/x/b:1", layers=(b"b",), created="2024-02-01T00:00:00Z", config={"Labels": {"k": "v", "only": ""}}
    )
    await world.add("moby-dangling@sha256:" + "1" * 64, layers=(b"d",), created="2024-03-01T00:00:00Z")
    return world


async def test_no_filter_shows_everything(world: World) -> None:
    assert await shown(world, {}) == [["a:1", "a:2"], ["gcr.io/x/b:1"], []]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a", [["a:1", "a:2"]]),
        ("a:1", [["a:1"]]),
        ("*:1", [["a:1"]]),
        ("gcr.io/*/b", [["gcr.io/x/b:1"]]),
        ("*", [["a:1", "a:2"]]),
        ("docker.io/library/a", [["a:1", "a:2"]]),
        ("nothing", []),
    ],
)
async def test_a_pattern_leaves_the_names_that_match(world: World, pattern: str, expected: list[list[str]]) -> None:
    assert await shown(world, {"reference": [pattern]}) == expected


async def test_dangling_images_are_those_without_a_tag(world: World) -> None:
    assert await shown(world, {"dangling": ["true"]}) == [[]]
    assert await shown(world, {"dangling": ["false"]}) == [["a:1", "a:2"], ["gcr.io/x/b:1"]]


async def test_before_and_since_compare_with_another_image(world: World) -> None:
    assert await shown(world, {"before": ["gcr.io/x/b:1"]}) == [["a:1", "a:2"]]
    assert await shown(world, {"since": ["a:1"]}) == [["gcr.io/x/b:1"], []]
    with pytest.raises(NotFound):
        await shown(world, {"before": ["nope"]})


async def test_until_is_a_time_or_a_duration_ago(world: World) -> None:
    assert await shown(world, {"until": ["2024-01-15T00:00:00Z"]}) == [["a:1", "a:2"]]
    assert await shown(world, {"until": ["1h"]}) == [["a:1", "a:2"], ["gcr.io/x/b:1"], []]
    with pytest.raises(InvalidArgument, match="invalid value for 'until' filter"):
        await shown(world, {"until": ["soon"]})


async def test_labels_are_matched_by_key_or_by_value(world: World) -> None:
    assert await shown(world, {"label": ["k"]}) == [["gcr.io/x/b:1"]]
    assert await shown(world, {"label": ["k=v", "only"]}) == [["gcr.io/x/b:1"]]
    assert await shown(world, {"label": ["k=w"]}) == []


async def test_label_with_an_exclamation_mark_leaves_out(world: World) -> None:
    selection = await understand(Filters({"label!": ["k"]}), world.catalog.resolve)
    assert [image.tags for image in await world.catalog.all() if selection.chooses(image)] == [["a:1", "a:2"], []]


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("b?x", "box", True),
        ("b[nu]s", "bus", True),
        ("b[^u]s", "bus", False),
        ("a/*", "a/b", True),
        ("*", "a/b", False),
    ],
)
def test_patterns_are_gos(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, parse(name)) is expected


def test_an_unclosed_bracket_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="syntax error in pattern"):
        matches("a[b", parse("a"))
