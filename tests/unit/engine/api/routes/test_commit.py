"""The route that makes an image of a container."""

import asyncio
from typing import Any

from engine.api.routes.commit import routes
from engine.metrics.timers import Metrics
from proto.errdefs import Fault
from tests.fakes.engine_api import served
from tests.fakes.engine_images import World


class Tasks:
    """Remembers what was frozen."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def pause(self, container_id: str) -> None:
        self.calls.append("pause")

    async def resume(self, container_id: str) -> None:
        self.calls.append("resume")
        raise Fault("cannot resume a stopped container")  # it may end while it is read


class Part:
    """An object with the fields that a test gives it."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


async def test_a_running_container_is_paused_meanwhile_unless_it_is_not_to_be() -> None:
    world, tasks = World(), Tasks()
    base = await world.add("docker.io/library/base:1")
    container = Part(
        id="box",
        image_id=base.id,
        config={"Cmd": ["sh"], "Hostname": "h"},
        path="sh",
        args=["-c", "x"],
        state=Part(status="running"),
    )
    live = Part(container=container, lock=asyncio.Lock())
    announced: list[str] = []
    room = Part(
        registry=Part(find=lambda text: live),
        supervisor=Part(tasks=tasks),
        metrics=Metrics(),
        announce=lambda container, action, attributes: announced.append(action),
    )
    async with served(routes(world.images, room)) as client:  # type: ignore[arg-type]
        status, answer = await client.ask("POST", "/commit?container=box&repo=new&comment=why&changes=USER+nobody")
        image = await world.catalog.resolve("new")
        assert (status, answer) == (201, {"Id": image.id})
        assert image.container_config == {"Cmd": ["sh"], "User": "nobody"}
        assert tasks.calls == ["pause", "resume"]
        await client.ask("POST", "/commit?container=box&pause=0", json={"Cmd": ["other"]})
        assert tasks.calls == ["pause", "resume"]
    assert announced == ["commit", "commit"]
