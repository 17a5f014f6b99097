"""One build of a job: begun, held when its last step is done, exported when its client has chosen it, or given up."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.builder.client import Made
from engine.builder.output import Line
from engine.builder.request import Request
from engine.buildkit import attributes, failures
from engine.buildkit.failures import Failed
from engine.buildkit.progress import Progress
from engine.buildkit.session_client import Exporter, SessionClient
from proto.errdefs import Cancelled, Fault, Internal, InvalidArgument

if TYPE_CHECKING:
    from engine.buildkit.jobs import Job

Body = AsyncIterator[bytes]


class Solving:
    """One build of a job."""

    def __init__(
        self,
        job: "Job",
        options: Mapping[str, str],
        bases: Mapping[str, "Solving"],
        asked: Request | None,
        body: Body | None,
    ) -> None:
        self.ref = secrets.token_hex(12)
        self.solved: asyncio.Future[Made] = asyncio.get_running_loop().create_future()
        self.image_id = ""
        self._job = job
        self._options = options
        self._bases = bases
        self._asked = asked  # else the options say it all
        self._body = body  # a context in place of the client's own folder
        self._filename = options.get("filename") or "Dockerfile"
        self._export = asyncio.Event()
        self._progress = Progress(job.statuses.tell, f"{job.ref} {self.ref}", self._filename)
        self._client: SessionClient | None = None
        self.work = asyncio.create_task(self._run())

    async def shown(self) -> Made:
        """What has been solved, while it is held; raises Failed."""
        return await asyncio.shield(self.solved)

    def export(self) -> None:
        """This is the result that was wanted."""
        self._export.set()

    async def ended(self) -> None:
        """When the image is there; raises Failed."""
        await asyncio.wait([self.work])
        if self.work.cancelled():
            raise Failed(failures.status(Cancelled("context canceled")))
        self.work.result()

    async def give_up(self) -> None:
        """Cancel it, and wait until nothing of it is left."""
        self.work.cancel()
        await asyncio.wait([self.work])
        if not self.work.cancelled():
            self.work.exception()
        if self.solved.done() and not self.solved.cancelled():
            self.solved.exception()

    async def _run(self) -> None:
        try:
            await self._build()
        except Fault as fault:
            raise self._failed(fault) from fault
        except Failed as failed:  # of a build that this one goes on from
            self.solved.set_exception(failed)
            raise
        except asyncio.CancelledError:
            self._progress.fail("context canceled")
            self.solved.cancel()
            raise
        finally:
            if not self.solved.done():
                self.solved.set_exception(Failed(failures.status(Internal("the build ended without a result"))))

    def _failed(self, fault: Fault) -> Failed:
        text = self._client.text if self._client is not None else ""
        source = failures.Source(self._filename, text) if text else None
        failed = Failed(failures.status(fault, source, self._progress.failed_line))
        self._progress.fail(failed.status.message)
        if not self.solved.done():
            self.solved.set_exception(failed)
        return failed

    async def _build(self) -> None:
        job = self._job
        asked = self._asked or attributes.request(self._options, job.output, job.imports)
        if not job.session:
            await self._alone(asked)
            return
        caller = await job.sessions.get(job.session)  # first: old clients only hear of failures once they are connected
        asked = replace(asked, states={name: (await each.shown()).state for name, each in self._bases.items()})
        exporter = None
        if job.output is not None and not job.output.is_image:
            exporter = Exporter(job.output.type, job.output.attributes)
        client = self._client = SessionClient(
            caller, job.builder.contexts, job.builder.temporary(), self._options, exporter
        )
        client.find = job.sessions.get
        client.on_solved = self._hold
        if self._body is not None:
            client.body = self._body
        async with _while_open(caller.closed):
            await self._follow(job.builder.build(asked, _nothing(), client))

    async def _alone(self, asked: Request) -> None:
        """Without a session: the context is the request's body, or what the engine fetches."""
        remote = self._options.get("context", "")
        if self._body is None and not remote:
            raise InvalidArgument("a build without a session needs a context of its own")
        asked = replace(asked, dockerfile=self._options.get("filename", ""), remote=remote)
        await self._follow(self._job.builder.build(asked, self._body or _nothing()))

    async def _follow(self, lines: AsyncGenerator[Line, None]) -> None:
        async with contextlib.aclosing(lines):
            async for line in lines:
                self._progress.line(line)
                self.image_id = (line.get("aux") or {}).get("ID") or self.image_id

    async def _hold(self, made: Made) -> None:
        """Called by the build between its last step and the export."""
        self.solved.set_result(made)
        await self._export.wait()


async def _nothing() -> AsyncIterator[bytes]:
    """A request without a body."""
    for piece in list[bytes]():
        yield piece


@contextlib.asynccontextmanager
async def _while_open(closed: asyncio.Event) -> AsyncIterator[None]:
    """Cancels the block when the session ends: nobody waits for what comes of it."""
    task = asyncio.current_task()
    assert task is not None
    gone = False

    async def watch() -> None:
        nonlocal gone
        await closed.wait()
        gone = True
        task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if gone and task.uncancel() == 0:
            raise Cancelled("the client's session has ended: context canceled") from None
        raise
    finally:
        watcher.cancel()
