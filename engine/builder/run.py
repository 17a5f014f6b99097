"""RUN as a container like any other: created, attached, started, waited for, and always removed.

The containers' room is used as it is; only its images are replaced by one that is still being made.
"""

import asyncio
import codecs
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from engine.builder.patience import patiently
from engine.builder.state import State
from engine.containers import create, remove, start, wait
from engine.containers.live import Attacher, Live
from engine.containers.neighbours import ImageRecord
from engine.containers.room import Room
from engine.containers.stdio import Attachment
from engine.stdcopy import STDERR, Decoder
from proto.errdefs import Internal

LABEL = "io.wherry.build"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The image that a step's container is made of."""

    id: str
    top: str
    container_config: Json
    config: Json

    @property
    def descriptor(self) -> Json:
        """It has no manifest yet."""
        return {}

    @classmethod
    def of(cls, state: State, top: str = "") -> "Unfinished":
        """A state as an image; `top` stands in for the state's own snapshot."""
        inherited = {key: value for key, value in state.config.items() if key == "Volumes"}
        return cls(state.id, top or state.top, inherited, state.document())


class _OneImage:
    """The images' room as a step's container sees it."""

    def __init__(self, image: Unfinished) -> None:
        self._image = image

    async def resolve(self, text: str, platform: Any = None) -> ImageRecord:
        """The one."""
        return self._image

    async def resolve_quickly(self, text: str) -> ImageRecord:
        """The one."""
        return self._image


class CommandFailed(Internal):
    """A step's process ended with a code; clients are told it apart from the words."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Step:
    """What is to run."""

    image: Unfinished
    command: list[str]
    environment: list[str]
    user: str
    workdir: str
    host_config: Json
    build_id: str
    keep: bool = False  # rm=0: a container whose step went well stays
    keep_failed: bool = False  # no forcerm=1: one whose command failed does


@contextlib.asynccontextmanager
async def container(room: Room, step: Step) -> AsyncIterator[Live]:
    """The step's container; gone after the block, but where it is to be kept: then it is one like any other."""
    view = dataclasses.replace(room, images=_OneImage(step.image))
    body = {
        "Image": step.image.id.removeprefix("sha256:")[:12],
        "Cmd": step.command,
        "Entrypoint": [""],
        "Env": step.environment,
        "User": step.user,
        "WorkingDir": step.workdir,
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {LABEL: step.build_id},
        "HostConfig": {**step.host_config, "LogConfig": {"Type": "none", "Config": {}}},
    }
    made = await create.create(view, "", body)
    live = room.registry.find(made.id)
    kept = False
    try:
        yield live
        kept = step.keep
    except CommandFailed:
        kept = step.keep_failed
        raise
    finally:
        if kept:
            # it is nobody's step any more, but one of the image
            live.container.config["Labels"] = dict((step.image.config.get("config") or {}).get("Labels") or {})
            room.registry.save(live)
        else:
            work = room.background.spawn(f"removal of build step {made.id}", _discard(room, live))
            await asyncio.shield(work)


async def execute(room: Room, live: Live, say: Callable[[str, int], None]) -> int:
    """Run it to its end; its output is said as it comes, with the number of its stream."""
    ended = wait.begin(live, "next-exit")
    joined: asyncio.Future[Attachment] = asyncio.get_running_loop().create_future()
    live.attachers.append(Attacher(False, True, True, joined))
    try:
        await start.start(room, live)
        attachment = await joined
        try:
            await _copy(attachment, say)
        finally:
            attachment.close()
        return (await ended).exit_code
    finally:
        wait.give_up(live, ended)
        if not ended.done():
            ended.cancel()


async def _copy(attachment: Attachment, say: Callable[[str, int], None]) -> None:
    decoder = Decoder()
    texts = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in range(4)}
    while data := await attachment.read():
        for stream, piece in decoder.feed(data):
            text = texts[stream & 3].decode(piece)
            if text:
                say(text, 2 if stream == STDERR else 1)


async def _discard(room: Room, live: Live) -> None:
    async def once() -> None:
        await remove.remove(room, live, force=True, volumes=True)

    await patiently(f"the removal of build step {live.container.id[:12]}", once)
