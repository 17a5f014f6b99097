"""Finding images by every spelling."""

import pytest

from engine.images.model import Descriptor
from engine.images.platform import Platform
from proto.errdefs import InvalidArgument, NotFound
from tests.fakes.engine_images import MANIFEST_TYPE, World

BUSYBOX = "docker.io/library/busybox:latest"


async def test_records_of_one_config_are_one_image() -> None:
    world = World()
    image = await world.add(BUSYBOX, "gcr.io/x/y:1")
    world.name("docker.io/library/other:latest", world.add_index((image.names[0].target, None)))
    found = await world.catalog.all()
    assert [one.tags for one in found] == [["busybox:latest", "gcr.io/x/y:1", "other:latest"]]


@pytest.mark.parametrize(
    "spelling", ["busybox", "busybox:latest", "docker.io/library/busybox", "library/busybox:latest"]
)
async def test_a_name_is_found_by_each_spelling(spelling: str) -> None:
    world = World()
    image = await world.add(BUSYBOX)
    assert (await world.catalog.resolve(spelling)).id == image.id
    assert (await world.catalog.resolve_quickly(spelling)).id == image.id


async def test_an_id_is_found_whole_and_by_its_start() -> None:
    world = World()
    image = await world.add(BUSYBOX)
    value = image.id.removeprefix("sha256:")
    for text in (image.id, value, value[:12], "sha256:" + value[:7], value[:2]):
        assert (await world.catalog.resolve(text)).id == image.id
        assert (await world.catalog.resolve_quickly(text)).id == image.id


async def test_an_ambiguous_start_names_nothing() -> None:
    world = World()
    seen: set[str] = set()
    for number in range(40):
        image = await world.add(f"docker.io/library/i{number}:latest", layers=(str(number).encode(),))
        start = image.id.removeprefix("sha256:")[:1]
        if start in seen:
            with pytest.raises(NotFound):
                await world.catalog.resolve(start)
            return
        seen.add(start)
    pytest.fail("forty digests without a common first letter")


async def test_a_name_goes_before_an_id() -> None:
    world = World()
    image = await world.add(BUSYBOX)
    value = image.id.removeprefix("sha256:")[:4]
    named = await world.add(f"docker.io/library/{value}:latest", layers=(b"named",))
    assert (await world.catalog.resolve(value)).id == named.id


async def test_the_registrys_digest_is_a_name_too() -> None:
    world = World()
    image = await world.add(BUSYBOX)
    digest = image.names[0].target.digest
    assert (await world.catalog.resolve(f"busybox@{digest}")).id == image.id
    assert (await world.catalog.resolve(f"busybox:whatever@{digest}")).id == image.id
    with pytest.raises(NotFound):
        await world.catalog.resolve(f"other@{digest}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope", "No such image: nope:latest"),
        ("localhost:5000/a", "No such image: localhost:5000/a:latest"),
        ("sha256:" + "0" * 64, "No such image: sha256:" + "0" * 64),
        ("0" * 64, "No such image: sha256:" + "0" * 64),
    ],
)
async def test_what_is_not_there_is_named_as_docker_names_it(text: str, message: str) -> None:
    with pytest.raises(NotFound, match=f"^{message}$"):
        await World().catalog.resolve(text)


async def test_nonsense_is_an_invalid_reference() -> None:
    with pytest.raises(InvalidArgument, match="invalid reference format"):
        await World().catalog.resolve("a b")


async def test_a_record_without_its_content_is_passed_over() -> None:
    world = World()
    await world.add(BUSYBOX)
    world.name("docker.io/library/gone:latest", Descriptor(MANIFEST_TYPE, "sha256:" + "1" * 64, 10))
    assert len(await world.catalog.all()) == 1


async def test_a_dangling_record_keeps_an_image_without_naming_it() -> None:
    world = World()
    image = await world.add("moby-dangling@sha256:" + "1" * 64)
    (found,) = await world.catalog.all()
    assert (found.id, found.tags, found.digests) == (image.id, [], [])


async def test_a_platform_that_the_image_does_not_have_is_not_found() -> None:
    world = World()
    await world.add(BUSYBOX)
    assert await world.catalog.resolve("busybox", Platform("linux", "amd64"))
    with pytest.raises(NotFound, match="does not provide the specified platform"):
        await world.catalog.resolve("busybox", Platform("linux", "s390x"))
