"""Shims on their way: whose ids are taken, and what is left of those that nobody waits for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from proto.errdefs import Fault
from supervisor.background import Background
from supervisor.runtime.bundle import Bundle
from supervisor.runtime.new_shim import Making, NewShims
from supervisor.runtime.shim_client import ShimClient
from tests.fakes.supervisor_runtime import Runtime, running

KEY = ("ns", "c1")


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with running(tmp_path) as built:
        yield built


def new_shims(runtime: Runtime, ended: list[str]) -> NewShims:
    async def end(bundle: Bundle, client: ShimClient, program: str) -> None:
        ended.append(program)
        await client.aclose()
        await runtime.cleanup.bundle(bundle)

    return NewShims(
        runtime.bundles,
        runtime.programs,
        runtime.launcher,  # type: ignore[arg-type]
        runtime.cleanup,
        runtime.background,
        end,
    )


async def start(runtime: Runtime, shims: NewShims, undo: AsyncExitStack) -> str:
    new = await shims.start(KEY, runtime.options.runtime, b"{}", None, undo, "no shim for you")
    return new.bundle.id


async def test_a_key_is_taken_until_the_work_is_undone() -> None:
    background = Background()
    making = Making(background)
    begun, undone = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await undone.wait()

    caller = asyncio.ensure_future(making.run(KEY, work(), "work"))
    await begun.wait()
    caller.cancel()
    await asyncio.wait([caller])
    assert KEY in making
    assert making.keys == {KEY}
    undone.set()
    async with asyncio.timeout(30):
        while KEY in making:
            await asyncio.sleep(0)
    await background.aclose()


async def test_a_later_steps_failure_ends_the_shim(runtime: Runtime) -> None:
    ended: list[str] = []
    undo = AsyncExitStack()
    assert await start(runtime, new_shims(runtime, ended), undo) == "c1"
    assert ended == []
    await undo.aclose()
    assert ended == [runtime.options.runtime]
    assert runtime.left_over() == []


async def test_a_fault_says_what_was_being_done(runtime: Runtime) -> None:
    runtime.launcher.next_fail = {"start": Fault("oh")}
    with pytest.raises(Fault, match="^no shim for you: oh$"):
        async with AsyncExitStack() as undo:
            await start(runtime, new_shims(runtime, []), undo)
    assert runtime.left_over() == []


async def test_a_shim_whose_caller_left_meanwhile_is_ended(runtime: Runtime) -> None:
    """The program was under way: it is waited for, and its shim is not left to itself."""
    ended: list[str] = []

    async def work() -> None:
        async with AsyncExitStack() as undo:
            await start(runtime, new_shims(runtime, ended), undo)

    caller = asyncio.ensure_future(work())
    async with asyncio.timeout(30):
        while not runtime.left_over():
            await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    assert ended == [runtime.options.runtime]
    assert runtime.left_over() == []
