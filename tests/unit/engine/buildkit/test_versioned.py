"""`POST /build?version=2`: its stream, its outputs, its end."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.builder.request import Request
from engine.buildkit.caller import Caller
from engine.buildkit.jobs import Jobs
from engine.buildkit.sessions import Sessions
from engine.buildkit.versioned import Versioned, exporters
from engine.images import reference as references
from proto.buildkit.services.control_pb2 import StatusResponse
from proto.errdefs import Cancelled, Fault, InvalidArgument
from tests.fakes.engine_buildkit import IMAGE_ID, Builder

STEP = {"step": 1, "steps": 1, "stage": "", "name": "RUN x", "state": "running", "time": 1.0, "vertex": "[1/1] RUN x"}
ASKED = Request(session="s", remote="client-session", buildkit=True, steps=True, detailed=True)


async def _nothing() -> AsyncIterator[bytes]:
    for piece in list[bytes]():
        yield piece


async def _tar() -> AsyncIterator[bytes]:
    yield b"tar"


def _versioned(builder: Builder) -> Versioned:
    return Versioned(Jobs(builder, Sessions()))  # type: ignore[arg-type]


async def _lines(versioned: Versioned, asked: Request = ASKED, build: str = "") -> list[dict[str, Any]]:
    async with versioned.jobs.sessions.opened(Caller("s")):
        return [line async for line in versioned.lines(asked, build, "", _nothing())]


async def test_the_stream_is_traces_and_then_the_image() -> None:
    trace, image = await _lines(_versioned(Builder({"id": "wherry.step", "aux": STEP})))
    status = StatusResponse.FromString(base64.b64decode(trace["aux"]))
    assert (trace["id"], status.vertexes[0].name) == ("moby.buildkit.trace", "[1/1] RUN x")
    assert image == {"id": "moby.image.id", "aux": {"ID": IMAGE_ID}}


async def test_a_failure_is_raised_in_buildkits_words() -> None:
    with pytest.raises(Fault, match="^it is wrong$"):
        await _lines(_versioned(Builder(InvalidArgument("it is wrong"))))


async def test_a_body_is_the_context_where_there_is_no_session() -> None:
    builder = Builder()
    asked = Request(dockerfile="D", buildkit=True, steps=True)
    lines = [line async for line in _versioned(builder).lines(asked, "", "", _tar())]
    assert lines[-1]["id"] == "moby.image.id"
    assert (builder.bodies, builder.asked[0].dockerfile) == ([b"tar"], "D")


async def test_an_address_is_the_context_where_there_is_no_session() -> None:
    builder = Builder()
    asked = Request(remote="https://x/y.git", buildkit=True, steps=True)
    lines = [line async for line in _versioned(builder).lines(asked, "", "", _nothing())]
    assert lines[-1]["id"] == "moby.image.id"
    assert (builder.asked[0].remote, builder.asked[0].dockerfile) == ("https://x/y.git", "")
    nothing = Request(remote="client-session", buildkit=True, steps=True)
    with pytest.raises(Fault, match="needs a context of its own"):
        await anext(_versioned(builder).lines(nothing, "", "", _nothing()))


async def test_a_build_is_cancelled_by_its_id() -> None:
    builder = Builder()
    builder.forever = True
    versioned = _versioned(builder)
    running = asyncio.create_task(_lines(versioned, build="b"))
    while not builder.asked:
        await asyncio.sleep(0.01)
    versioned.cancel("other")
    versioned.cancel("b")
    with pytest.raises(Cancelled):
        await running
    assert builder.ended == 1
    versioned.cancel("b")


async def test_who_leaves_the_stream_ends_the_build() -> None:
    builder = Builder({"id": "wherry.step", "aux": STEP})
    builder.forever = True
    versioned = _versioned(builder)
    async with versioned.jobs.sessions.opened(Caller("s")):
        lines = versioned.lines(ASKED, "", "", _nothing())
        await anext(lines)
        await lines.aclose()
    assert builder.ended == 1


def test_outputs_are_json_and_an_image_without_them() -> None:
    tagged = Request(tags=(references.parse("a").with_default_tag(),))
    assert [(each.Type, dict(each.Attrs)) for each in exporters("", tagged)] == [
        ("moby", {"name": "docker.io/library/a:latest"})
    ]
    (local,) = exporters('[{"Type": "local", "Attrs": {"dest": "x"}}]', Request())
    assert (local.Type, dict(local.Attrs)) == ("local", {"dest": "x"})
    assert exporters('[{"Type": "cacheonly"}]', Request()) == []
    for text in ("{", "[1]", '[{"Type": 1}]', '{"a": 1}'):
        with pytest.raises(InvalidArgument):
            exporters(text, Request())
