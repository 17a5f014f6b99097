"""What transfers share."""

from supervisor.core.digests import Platform
from supervisor.transfer.endpoints import ImageStoreEnd, Unpack
from supervisor.transfer.resources import Resources
from tests.fakes.supervisor_transfer import TestStores


async def test_unpacking_is_for_platforms_that_run_here(stores: TestStores) -> None:
    resources = Resources(stores)
    graph = resources.graph("ns")
    foreign = ImageStoreEnd(unpacks=[Unpack(Platform("linux", "s390x"))])
    assert resources.unpacker_for(graph, foreign, Platform("linux", "s390x")) is None
    assert resources.unpacker_for(graph, ImageStoreEnd(), Platform("linux", "amd64")) is None
