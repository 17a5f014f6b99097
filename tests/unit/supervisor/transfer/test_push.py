from collections.abc import AsyncIterator, Callable

import pytest

from proto.errdefs import NotFound
from supervisor.core.labels import DISTRIBUTION_SOURCE
from supervisor.transfer.endpoints import ImageStoreEnd, ImportEnd, RegistryEnd
from supervisor.transfer.local import Transfers
from supervisor.transfer.streams import Stream
from tests.fakes.registry import FakeRegistry, serving
from tests.fakes.supervisor_archives import Listener
from tests.fakes.supervisor_transfer import TestStores

NAME = "docker.io/library/x:1"


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    async with serving() as registry:
        yield registry


@pytest.fixture
async def image(
    transfers: Transfers,
    docker_archive: Callable[..., bytes],
    import_stream: Callable[[bytes], Stream],
    store_end: ImageStoreEnd,
) -> str:
    await transfers.transfer("ns", ImportEnd(import_stream(docker_archive("x:1"))), store_end)
    return NAME


async def push(transfers: Transfers, registry: FakeRegistry, name: str, listener: Listener | None = None) -> None:
    end = RegistryEnd(f"{registry.host}/some/image:1", default_scheme="http")
    await transfers.transfer("ns", ImageStoreEnd(name), end, listener)


async def test_a_push_sends_blobs_first_and_the_tag_last(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry, image: str, listener: Listener
) -> None:
    await push(transfers, registry, image, listener)
    assert registry.manifests["1"][1]
    assert len(registry.blobs) == 3
    assert registry.seen[-1][:2] == ("PUT", "/v2/some/image/manifests/1")
    events = listener.names()
    assert events[:2] == [f"Pushing to OCI Registry ({registry.host}/some/image:1)", "pushing content"]
    assert events[-1].startswith("Completed push to")


async def test_a_second_push_sends_nothing(
    transfers: Transfers, registry: FakeRegistry, image: str, listener: Listener
) -> None:
    await push(transfers, registry, image)
    registry.seen.clear()
    await push(transfers, registry, image, listener)
    assert {seen[0] for seen in registry.seen} == {"HEAD"}
    assert listener.names().count("already exists") == 4


async def test_blobs_of_the_same_registry_are_mounted(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry, image: str
) -> None:
    graph = transfers.graph("ns")
    for info in list(stores.content.list("ns")):
        graph.update_labels(info.digest, {f"{DISTRIBUTION_SOURCE}.127.0.0.1": "some/other,far/away"})
    await push(transfers, registry, image)
    assert len(registry.requests("POST", "from=some/other")) == 3


async def test_an_image_that_is_not_here_is_not_found(transfers: Transfers, registry: FakeRegistry) -> None:
    with pytest.raises(NotFound):
        await push(transfers, registry, "missing")
