"""What a transfer brought along stays."""

from engine.images.keeping import Keeper
from engine.images.platform import Platform
from tests.fakes.engine_images import World
from tests.fakes.engine_variants import many

PREFIX = "containerd.io/gc.ref.content."


async def test_every_part_of_what_stays_is_led_to() -> None:
    world = World()
    made = many(world)
    keeper = Keeper(world.images.variants, world.content)
    kept = await keeper.keep(made.index)
    assert [one.digest for one in kept] == [made.amd64.digest, made.arm64.digest, made.attestation.digest]
    assert world.content.labels[made.index.digest] == {
        f"{PREFIX}m.{number}": one.digest for number, one in enumerate(kept)
    }
    manifest = await world.manifests.read(made.arm64)
    assert world.content.labels[made.arm64.digest] == {
        f"{PREFIX}config": manifest.config_digest,
        f"{PREFIX}l.0": manifest.layers[0].digest,
        f"{PREFIX}l.1": manifest.layers[1].digest,
    }


async def test_only_what_was_wanted_is_kept_and_what_is_said_about_it() -> None:
    world = World()
    made = many(world)
    keeper = Keeper(world.images.variants, world.content)
    kept = await keeper.keep(made.index, [Platform("linux", "arm64")])
    assert [one.digest for one in kept] == [made.arm64.digest]
    assert made.amd64.digest not in world.content.labels
    assert len(await keeper.keep(made.index, [Platform("linux", "amd64")])) == 2


async def test_an_index_in_an_index_is_kept_too() -> None:
    world = World()
    made = many(world)
    outer = world.add_index((made.index, None))
    await Keeper(world.images.variants, world.content).keep(outer)
    assert world.content.labels[outer.digest][f"{PREFIX}m.0"] == made.index.digest


async def test_one_manifest_is_the_supervisors_own_affair() -> None:
    world = World()
    target = world.add_blobs(b"x")
    (kept,) = await Keeper(world.images.variants, world.content).keep(target)
    assert kept.digest == target.digest
    assert world.content.labels == {}
