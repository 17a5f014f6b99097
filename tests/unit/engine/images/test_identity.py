"""Where images came from."""

from engine.images.identity import from_labels
from engine.images.reference import parse
from tests.fakes.engine_images import World

HUB = "containerd.io/distribution.source.docker.io"


def test_nothing_known_is_nothing() -> None:
    assert from_labels({"containerd.io/uncompressed": "sha256:1"}) == {}


def test_pulls_and_builds_are_told_in_order() -> None:
    labels = {
        HUB: "library/b,library/a",
        "containerd.io/distribution.source.r.io": "team/x,NO",
        "moby/build.ref.zz": '{"createdAt": "2026-01-02T03:04:05Z"}',
        "moby/build.ref.aa": "{}",
        "moby/build.ref.broken": "{",
    }
    assert from_labels(labels) == {
        "Pull": [{"Repository": name} for name in ("docker.io/library/a", "docker.io/library/b", "r.io/team/x")],
        "Build": [
            {"Ref": "aa", "CreatedAt": "0001-01-01T00:00:00Z"},
            {"Ref": "zz", "CreatedAt": "2026-01-02T03:04:05Z"},
        ],
    }


async def test_a_push_is_remembered_beside_what_was_known() -> None:
    world = World()
    image = await world.add("docker.io/library/a:latest")
    target = image.names[0].target
    world.content.labels[target.digest] = {HUB: "library/a"}
    await world.images.origins.pushed(target, parse("team/a:1"))
    await world.images.origins.pushed(target, parse("localhost:5000/a:1"))
    assert await world.images.origins.identity(target) == {
        "Pull": [
            {"Repository": "docker.io/library/a"},
            {"Repository": "docker.io/team/a"},
            {"Repository": "localhost/a"},
        ]
    }


async def test_an_inspection_tells_it_since_1_53() -> None:
    world = World()
    image = await world.add("docker.io/library/a:latest")
    world.content.labels[image.names[0].target.digest] = {HUB: "library/a"}
    assert (await world.images.inspect("a", (1, 53)))["Identity"] == {"Pull": [{"Repository": "docker.io/library/a"}]}
    assert "Identity" not in await world.images.inspect("a", (1, 52))
