"""`POST /build?version=2`, for CLIs without buildx: a build by a session, told of in `moby.buildkit.trace` lines."""

import base64
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

from engine import jsontext
from engine.builder.output import Line
from engine.builder.request import Request
from engine.buildkit.failures import Failed
from engine.buildkit.jobs import Job, Jobs
from engine.buildkit.solving import Body, Solving
from engine.buildkit.uploads import Uploads
from proto.buildkit.services.control_pb2 import Exporter, SolveRequest
from proto.errdefs import InvalidArgument, fault_from_code

TRACE, IMAGE = "moby.buildkit.trace", "moby.image.id"
_NOT_FETCHED = ("", "client-session", "upload-request")


class Versioned:
    """Builds that are asked for in this way."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.uploads = Uploads()
        self._running: dict[str, Solving] = {}

    async def lines(self, asked: Request, build: str, outputs: str, body: Body) -> AsyncGenerator[Line, None]:
        """The stream; leaving the loop cancels the build. `build` is its id; it has its upload by it."""
        if asked.session:
            await self.jobs.sessions.get(asked.session)  # a CLI that is refused before its session has come hangs
        chosen = exporters(outputs, asked)
        request = SolveRequest(Ref=secrets.token_hex(12), Session=asked.session, Exporters=chosen)
        async with self.jobs.opened(request) as job:
            options = {"filename": asked.dockerfile} if asked.dockerfile else {}
            if asked.remote not in _NOT_FETCHED:
                options["context"] = asked.remote
            upload = await self.uploads.take(build) if asked.remote == "upload-request" else None
            try:
                if upload is not None:
                    body = upload.body
                sent = upload is not None or not asked.remote
                async for line in self._followed(job, options, asked, build, body if sent else None):
                    yield line
            finally:
                if upload is not None:
                    upload.done.set()

    async def _followed(
        self, job: Job, options: Mapping[str, str], asked: Request, build: str, body: Body | None
    ) -> AsyncIterator[Line]:
        solving = job.solve(options, asked=job.asked(asked), body=body)
        solving.export()
        solving.work.add_done_callback(lambda _: job.statuses.end())
        if build:
            self._running[build] = solving
        try:
            async for status in job.statuses.follow():
                yield {"id": TRACE, "aux": base64.b64encode(status.SerializeToString()).decode()}
            await solving.ended()
        except Failed as failed:
            raise fault_from_code(failed.status.code, failed.status.message) from failed
        finally:
            self._running.pop(build, None)
        if solving.image_id:
            yield {"id": IMAGE, "aux": {"ID": solving.image_id}}
            if asked.quiet:
                yield {"stream": f"{solving.image_id}\n"}

    def cancel(self, build: str) -> None:
        """One that runs; others have ended already."""
        if build in self._running:
            self._running[build].work.cancel()


def exporters(text: str, asked: Request) -> list[Exporter]:
    """`outputs`; without any an image is made."""
    try:
        listed = jsontext.loads(text) if text else None
        found = [Exporter(Type=each["Type"], Attrs=each.get("Attrs") or {}) for each in listed or ()]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidArgument("invalid outputs specified") from None
    if not found:
        return [Exporter(Type="moby", Attrs={"name": ",".join(map(str, asked.tags))} if asked.tags else {})]
    return [each for each in found if each.Type != "cacheonly"]
