"""Builds that are under way: a `Control.Solve` and all that its client calls by the same ref.

A client of the gateway (buildx) solves first, looks at what came of it, and says then what is to be exported. So a
build stops between the two, with its result held, until `Return` has named it.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from google.rpc.status_pb2 import Status

from engine.builder.client import Made
from engine.builder.output import Line
from engine.builder.request import Request
from engine.builder.service import Builder
from engine.buildkit import attributes, failures
from engine.buildkit.attributes import Output
from engine.buildkit.progress import Progress
from engine.buildkit.session_client import Exporter, SessionClient
from engine.buildkit.sessions import Sessions
from engine.buildkit.statuses import Statuses
from proto.buildkit.services.control_pb2 import SolveRequest, StatusResponse
from proto.buildkit.services.gateway_pb2 import WarnRequest
from proto.errdefs import AlreadyExists, Cancelled, Fault, Internal, InvalidArgument, NotFound, ResourceExhausted

Body = AsyncIterator[bytes]
_PATIENCE = 5.0  # seconds that a Status or a gateway's call waits for its Solve
_REMEMBERED = 10.0  # seconds after its end
_LONGEST_REF = 256
_MOST_SOLVINGS = 64


class Failed(Exception):
    """A build's failure, with its place in the Dockerfile."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


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
        if not job.session and self._body is not None:
            await self._follow(job.builder.build(replace(asked, dockerfile=self._filename), self._body))
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


@dataclass(slots=True)
class Job:
    """One Solve."""

    ref: str
    session: str
    output: Output | None
    imports: list[tuple[str, Mapping[str, str]]]
    builder: Builder
    sessions: Sessions
    statuses: Statuses = field(default_factory=Statuses)
    solvings: dict[str, Solving] = field(default_factory=dict)
    returned: "asyncio.Future[Any]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def solve(
        self,
        options: Mapping[str, str],
        bases: Mapping[str, Solving] | None = None,
        *,
        asked: Request | None = None,
        body: Body | None = None,
    ) -> Solving:
        """Begin one build of it, as the frontend is asked for; `bases` are others, whose results have names in it."""
        if len(self.solvings) >= _MOST_SOLVINGS:
            raise ResourceExhausted(f"more than {_MOST_SOLVINGS} results of one build")
        made = Solving(self, options, bases or {}, asked, body)
        self.solvings[made.ref] = made
        return made

    def asked(self, classic: Request) -> Request:
        """What was asked for in the classic builder's words, as this job does it."""
        stored = self.output is not None and self.output.is_image
        plain = replace(classic, quiet=False, remote="", dockerfile="", session="")
        return replace(plain, store=stored, remove=True, force_remove=True)

    def solving(self, ref: str) -> Solving:
        """By the reference that a client has of its result."""
        if ref not in self.solvings:
            raise NotFound(f"no such reference {ref[:80]}")
        return self.solvings[ref]

    async def dockerfile(self, options: Mapping[str, str]) -> str:
        """The text that a build would be made of."""
        asked = attributes.request(options, None, ())
        caller = await self.sessions.get(self.session)
        client = SessionClient(caller, self.builder.contexts, self.builder.temporary(), options)
        async with client.begun():
            return await client.dockerfile(asked)

    def warn(self, request: WarnRequest) -> None:
        """For whoever follows the build."""
        told = StatusResponse()
        told.warnings.add(
            vertex=request.digest, level=request.level, short=request.short, detail=request.detail, url=request.url
        )
        self.statuses.tell(told)

    def give_back(self, answer: Any) -> None:
        """The gateway's client has decided."""
        if self.returned.done():
            raise InvalidArgument("the build has returned already")
        self.returned.set_result(answer)

    async def close(self) -> None:
        """Whatever of it still runs is nobody's."""
        for solving in self.solvings.values():
            await solving.give_up()
        self.statuses.end()
        self.returned.cancel()


class Jobs:
    """All of an engine's."""

    def __init__(self, builder: Builder, sessions: Sessions) -> None:
        self.sessions = sessions
        self._builder = builder
        self._jobs: dict[str, Job] = {}
        self._ended: dict[str, Job] = {}  # what they told can still be asked for
        self._changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def opened(self, request: SolveRequest) -> AsyncIterator[Job]:
        """For the length of a block it is found by its ref."""
        if not request.Ref or len(request.Ref) > _LONGEST_REF:
            raise InvalidArgument("a solve needs a ref")
        if request.Ref in self._jobs or request.Ref in self._ended:
            raise AlreadyExists(f"job ID {request.Ref} exists")
        outputs = [Output(each.Type, dict(each.Attrs)) for each in request.Exporters]
        if not outputs and request.ExporterDeprecated:
            outputs = [Output(request.ExporterDeprecated, dict(request.ExporterAttrsDeprecated))]
        job = Job(
            request.Ref,
            request.Session,
            attributes.output(outputs),
            list(_imports(request)),
            self._builder,
            self.sessions,
        )
        self._jobs[job.ref] = job
        self._changed.set()
        self._changed.clear()
        try:
            yield job
        finally:
            try:
                await job.close()
            finally:
                del self._jobs[job.ref]
                self._ended[job.ref] = job
                asyncio.get_running_loop().call_later(_REMEMBERED, self._ended.pop, job.ref)

    def solving(self, ref: str) -> Solving:
        """A build of any of them, by the reference of its result."""
        for job in (*self._jobs.values(), *self._ended.values()):
            if ref in job.solvings:
                return job.solvings[ref]
        raise NotFound(f"the result {ref[:80]} has gone with its build")

    async def get(self, ref: str, *, also_ended: bool = False) -> Job:
        """The one with a ref; clients ask for it at the same time as they begin it, or after a short life of it."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while ref not in self._jobs:
                    if also_ended and ref in self._ended:
                        return self._ended[ref]
                    await self._changed.wait()
            return self._jobs[ref]
        except TimeoutError:
            raise NotFound(f"no such job {ref[:_LONGEST_REF]}") from None


def _imports(request: SolveRequest) -> Iterator[tuple[str, Mapping[str, str]]]:
    for ref in request.Cache.ImportRefsDeprecated:
        yield "registry", {"ref": ref}
    for entry in request.Cache.Imports:
        yield entry.Type, dict(entry.Attrs)
