"""The room."""

from tests.fakes.engine_room import Bench, config


async def test_an_event_carries_labels_image_and_name(bench: Bench) -> None:
    live = bench.add(config=config(Labels={"a": "b"}))
    bench.room.announce(live.container, "start", {"x": "y"})
    (event,) = bench.bus._ring
    assert event.attributes == {"a": "b", "image": "busybox", "name": "web", "x": "y"}
