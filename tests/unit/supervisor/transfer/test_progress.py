import asyncio

from supervisor.core.digests import Descriptor
from supervisor.registry.media_types import OCI_LAYER, OCI_MANIFEST
from supervisor.transfer.progress import Progress, Tracker

MANIFEST = Descriptor(OCI_MANIFEST, "m", 5)
LAYER = Descriptor(OCI_LAYER, "l", 100)


class Told:
    def __init__(self) -> None:
        self.events: list[Progress] = []

    async def __call__(self, progress: Progress) -> None:
        self.events.append(progress)

    def names(self) -> list[tuple[str, str, int]]:
        return [(one.event, one.name, one.progress) for one in self.events]


async def test_a_blob_goes_through_its_steps() -> None:
    told = Told()
    tracker = Tracker("image", "downloading", told)
    tracker.children(MANIFEST, [LAYER])
    await tracker.waiting(MANIFEST)
    await tracker.waiting(LAYER)
    await tracker.waiting(LAYER)
    await tracker.moved(LAYER, 10)
    await tracker.moved(LAYER, 20)
    await tracker.complete(LAYER)
    await tracker.moved(LAYER, 30)
    await tracker.extracted(LAYER)
    assert told.names() == [
        ("waiting", "manifest-m", 0),
        ("waiting", "layer-l", 0),
        ("downloading", "layer-l", 10),
        ("complete", "layer-l", 100),
        ("extracted", "layer-l", 100),
    ]
    assert told.events[0].parents == ("image",)
    assert told.events[1].parents == ("manifest-m",)
    assert told.events[1].total == 100


async def test_what_exists_is_said_to() -> None:
    told = Told()
    await Tracker("image", "downloading", told).exists(LAYER)
    assert told.names() == [("already exists", "layer-l", 100)]


async def test_an_extraction_is_told_while_it_runs() -> None:
    told = Told()
    tracker = Tracker("image", "downloading", told)
    done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    telling = asyncio.ensure_future(tracker.extracting(LAYER, done))
    await asyncio.to_thread(tracker.extraction(LAYER), 40)
    await asyncio.sleep(0.15)
    done.set_result(None)
    await telling
    assert told.names()[0] == ("extracting", "layer-l", 0)
    assert told.names()[-1] == ("extracting", "layer-l", 40)


async def test_without_a_listener_nothing_is_done() -> None:
    tracker = Tracker("image", "downloading", None)
    await tracker.waiting(LAYER)
    await tracker.tell(Progress("x"))
