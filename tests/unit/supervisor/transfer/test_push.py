import json
from collections.abc import AsyncIterator, Callable

import pytest

from proto.errdefs import NotFound
from supervisor.core.labels import DISTRIBUTION_SOURCE
from supervisor.registry.referrers import fallback_tag
from supervisor.transfer.endpoints import ImageStoreEnd, ImportEnd, RegistryEnd
from supervisor.transfer.graph import Graph
from supervisor.transfer.local import Transfers
from supervisor.transfer.streams import Stream
from tests.fakes.registry import FakeRegistry, serving, with_referrers
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


async def test_what_is_said_about_an_image_goes_along(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry
) -> None:
    """From a registry with the endpoint to one without it: signatures, and signatures of those."""
    image = registry.add_image([b"layer"], "1")
    signed = registry.add_referrer(image, "signature", b"s")
    counter = registry.add_referrer(signed, "counter-signature", b"c")
    registry.tricks.append(with_referrers(registry))
    name = f"{registry.host}/some/image:1"
    end = ImageStoreEnd(name, all_metadata=True)
    await transfers.transfer("ns", RegistryEnd(name, default_scheme="http"), end)
    labels = stores.content.info("ns", image["digest"]).labels
    assert labels["containerd.io/gc.ref.content.referrer.sha256.0"] == signed["digest"]
    async with serving() as other:
        await push(transfers, other, name)
        for about, subject in ((signed, image), (counter, signed)):
            assert about["digest"] in other.manifests
            index = json.loads(other.manifests[fallback_tag(subject["digest"])][1])
            assert [entry["digest"] for entry in index["manifests"]] == [about["digest"]]
        assert other.blobs.keys() == registry.blobs.keys()


async def test_a_pull_that_wants_no_metadata_asks_for_none(transfers: Transfers, registry: FakeRegistry) -> None:
    registry.add_referrer(registry.add_image([b"layer"], "1"), "signature")
    registry.tricks.append(with_referrers(registry))
    name = f"{registry.host}/some/image:1"
    await transfers.transfer("ns", RegistryEnd(name, default_scheme="http"), ImageStoreEnd(name))
    assert registry.requests(part="referrers") == []


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
    graph = Graph(stores.content, "ns")
    for info in list(stores.content.list("ns")):
        graph.update_labels(info.digest, {f"{DISTRIBUTION_SOURCE}.127.0.0.1": "some/other,far/away"})
    await push(transfers, registry, image)
    assert len(registry.requests("POST", "from=some/other")) == 3


async def test_an_image_that_is_not_here_is_not_found(transfers: Transfers, registry: FakeRegistry) -> None:
    with pytest.raises(NotFound):
        await push(transfers, registry, "missing")
