"""What a build has told, for whoever comes when."""

import asyncio

from engine.buildkit.statuses import Statuses
from proto.buildkit.services.control_pb2 import StatusResponse, Vertex


def _status(name: str) -> StatusResponse:
    return StatusResponse(vertexes=[Vertex(name=name)])


async def _names(statuses: Statuses) -> list[str]:
    return [vertex.name async for status in statuses.follow() for vertex in status.vertexes]


async def test_a_late_listener_hears_all_of_it() -> None:
    statuses = Statuses()
    statuses.tell(_status("a"))
    statuses.tell(_status("b"))
    statuses.end()
    assert await _names(statuses) == ["a", "b"]
    assert await _names(statuses) == ["a", "b"]


async def test_a_listener_from_the_beginning_hears_each_as_it_comes() -> None:
    statuses = Statuses()
    heard = asyncio.create_task(_names(statuses))
    for name in "abc":
        statuses.tell(_status(name))
        await asyncio.sleep(0)
    statuses.end()
    assert await heard == ["a", "b", "c"]


async def test_what_has_gathered_comes_in_one_piece() -> None:
    statuses = Statuses()
    for name in "abc":
        statuses.tell(_status(name))
    statuses.end()
    pieces = [status async for status in statuses.follow()]
    assert [len(piece.vertexes) for piece in pieces] == [3]
