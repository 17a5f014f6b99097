"""Builds that are under way: a `Control.Solve` and all that its client calls by the same ref.

A client of the gateway (buildx) solves first, looks at what came of it, and says then what is to be exported. So a
build stops between the two, with its result held, until `Return` has named it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.builder.request import Request
from engine.builder.service import Builder
from engine.buildkit import attributes
from engine.buildkit.attributes import Output
from engine.buildkit.session_client import SessionClient
from engine.buildkit.sessions import Sessions
from engine.buildkit.solving import Body, Solving
from engine.buildkit.statuses import Statuses
from proto.buildkit.services.control_pb2 import SolveRequest, StatusResponse
from proto.buildkit.services.gateway_pb2 import WarnRequest
from proto.errdefs import AlreadyExists, InvalidArgument, NotFound, ResourceExhausted

_PATIENCE = 5.0  # seconds that a Status or a gateway's call waits for its Solve
_REMEMBERED = 10.0  # seconds after its end
_LONGEST_REF = 256
_MOST_SOLVINGS = 64


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
