"""Pulling: lines, names, and dockerd's words for refusals."""

from typing import Any

import pytest

from engine.images.hosts import PLAIN, Access
from engine.images.mover import Mover
from engine.images.pull import Puller, registry, translate
from engine.images.reference import Reference, parse
from engine.images.registry_auth import Credentials
from proto import anys
from proto.containerd.types import descriptor_pb2
from proto.containerd.types.transfer import progress_pb2
from proto.errdefs import DataLoss, Fault, NotFound, Unauthenticated
from tests.fakes.engine_images import LAYER_TYPE, FakeStream, World

NAME = "docker.io/library/a:1"


def pulling(world: World, layer: bytes) -> str:
    target = world.add_blobs(layer)

    async def script(fake: Any, source: Any, destination: Any, progress: FakeStream) -> None:
        desc = descriptor_pb2.Descriptor(media_type=LAYER_TYPE, digest="sha256:" + "ab" * 32, size=5)
        progress.incoming.put_nowait(anys.pack(progress_pb2.Progress(event="waiting", desc=desc)))
        world.name(destination.name, target)

    world.transfers.script = script
    return target.digest


async def pull(world: World, tag: str = "1", credentials: Credentials | None = None) -> list[str]:
    return [line["status"] async for line in world.images.pull("a", tag, credentials or Credentials())]


async def test_a_pull_tells_layers_digest_and_status() -> None:
    world = World()
    digest = pulling(world, b"x")
    assert await pull(world) == [
        "Pulling from library/a",
        "Pulling fs layer",
        "Verifying Checksum",
        "Download complete",
        "Pull complete",
        f"Digest: {digest}",
        "Status: Downloaded newer image for a:1",
    ]
    assert sorted(world.records.images) == [NAME, f"docker.io/library/a@{digest}"]
    assert world.events == [("pull", "a:1")]


async def test_a_second_pull_of_the_same_is_up_to_date() -> None:
    world = World()
    pulling(world, b"x")
    await pull(world)
    assert (await pull(world))[-1] == "Status: Image is up to date for a:1"


async def test_the_image_that_had_the_tag_goes_on_without_it() -> None:
    world = World()
    old = await world.add(NAME)
    pulling(world, b"new")
    await pull(world)
    assert (await world.catalog.resolve(old.id)).tags == []


async def test_a_digest_may_stand_for_the_tag() -> None:
    world = World()
    digest = pulling(world, b"x")
    assert (await pull(world, digest))[-1] == f"Status: Downloaded newer image for a@{digest}"
    assert list(world.records.images) == [f"docker.io/library/a@{digest}"]


async def test_nothing_is_told_before_the_registry_has_answered() -> None:
    world = World()
    world.transfers.fault = NotFound("docker.io/library/a:1: not found")
    with pytest.raises(NotFound, match=r"^manifest for a:1 not found: manifest unknown: manifest unknown$"):
        await pull(world)


async def test_bytes_with_the_wrong_digest_are_not_gone_on_with() -> None:
    world = World()

    async def script(fake: Any, source: Any, destination: Any, progress: FakeStream) -> None:
        desc = descriptor_pb2.Descriptor(media_type=LAYER_TYPE, digest="sha256:" + "ab" * 32, size=5)
        event = progress_pb2.Progress(event="downloading", name="layer-sha256:ab", desc=desc)
        progress.incoming.put_nowait(anys.pack(event))

    world.transfers.script = script
    world.transfers.fault = Fault("failed commit: unexpected commit digest sha256:0, expected sha256:1: failed")
    with pytest.raises(DataLoss, match=r"^filesystem layer verification failed for digest sha256:1$"):
        await pull(world)
    assert world.content.aborted == ["layer-sha256:ab"]


class FakeTags:
    """A registry's list of tags."""

    async def tags(self, repository: Reference, credentials: Credentials) -> list[str]:
        return ["1", "2"]


async def test_every_tag_is_pulled_and_one_status_tells_of_all() -> None:
    world = World()
    digest = pulling(world, b"x")
    puller = Puller(
        Mover(world.transfers),
        world.names,
        world.content,
        "overlayfs",
        PLAIN,
        lambda *words: None,
        FakeTags(),
        world.images._puller._companions,
    )
    lines = [line["status"] async for line in puller.pull_all(parse("a"), Credentials())]
    assert lines.count("Pulling from library/a") == 2
    assert lines[-1] == "Status: Downloaded newer image for a"
    assert sorted(world.records.images) == [NAME, "docker.io/library/a:2", f"docker.io/library/a@{digest}"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Unauthenticated("401"), "pull access denied for x/y, repository does not exist or may require 'docker login'"),
        (Fault("server message: insufficient_scope: authorization failed"), "pull access denied for x/y"),
        (Fault("dial tcp 127.0.0.1:1: connect: connection refused"), "connection refused"),
    ],
)
def test_refusals_are_in_dockers_words(fault: Fault, expected: str) -> None:
    assert expected in str(translate(fault, parse("x/y:1")))


def test_credentials_are_only_offered_where_there_are_some() -> None:
    plain, streams = registry(parse("r.io/a"), Credentials(), PLAIN)
    assert (plain.resolver.auth_stream, streams) == ("", {})
    known, streams = registry(parse("r.io/a"), Credentials("u", "p"), Access(("r.io",), folder="/hosts"))
    assert list(streams) == [known.resolver.auth_stream]
    assert known.resolver.default_scheme == "http"
    assert known.resolver.host_dir == ""


def test_docker_hubs_mirrors_are_told_to_the_supervisor() -> None:
    source, _ = registry(parse("a"), Credentials(), Access(folder="/hosts"))
    assert source.resolver.host_dir == "/hosts"
