"""Sizes come from snapshots, once."""

from tests.fakes.engine_images import World


async def test_an_image_is_as_large_as_its_layers_and_each_is_asked_once() -> None:
    world = World()
    image = await world.add("docker.io/library/a:1", layers=(b"one", b"three"))
    assert await world.images.sizes.image(image.manifest) == 800
    assert await world.images.sizes.image(image.manifest) == 800
    assert world.snapshots.asked == 2
    world.images.sizes.forget(image.manifest.chain_ids)
    await world.images.sizes.image(image.manifest)
    assert world.snapshots.asked == 4


async def test_a_layer_that_was_never_unpacked_counts_as_it_is_packed() -> None:
    world = World()
    image = await world.add("docker.io/library/a:1")
    world.snapshots.sizes.clear()
    assert await world.images.sizes.layers(image.manifest) == [image.manifest.layers[0].size]


async def test_what_two_images_have_in_common_is_shared() -> None:
    world = World()
    first = await world.add("docker.io/library/a:1", layers=(b"base", b"x"))
    second = await world.add("docker.io/library/b:1", layers=(b"base", b"yy"))
    assert await world.images.sizes.shared([first, second]) == {first.id: 400, second.id: 400}
