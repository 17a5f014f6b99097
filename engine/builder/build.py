"""A whole build: the context received, the stages solved side by side, the last one stored and named."""

import asyncio
import secrets
from collections.abc import Callable

from engine.builder import vertices
from engine.builder.client import Made
from engine.builder.graph import Plan, plan
from engine.builder.output import CANCELED, RESULT, Lane, Line, Output
from engine.builder.parser import Instruction
from engine.builder.scope import CacheLost
from engine.builder.session import Session
from engine.builder.stage import StageBuild
from engine.builder.state import State
from engine.builder.variables import PREDEFINED, Arguments, Expander, platform_arguments, split_pair
from engine.images.assemble import Assembler
from engine.images.model import Image, truncate
from engine.images.names import Names
from proto.errdefs import InvalidArgument, NotFound


def new_id() -> str:
    """A build's id; its lease, snapshots and containers carry it."""
    return f"wherry-build-{secrets.token_hex(8)}"


class Build:
    """Runs one session."""

    def __init__(self, session: Session, assembler: Assembler, names: Names, sink: Callable[[Line], None]) -> None:
        self._session = session
        self._assembler = assembler
        self._names = names
        request = session.request
        self._output = Output(sink, quiet=request.quiet, steps=request.steps, detailed=request.detailed)

    async def run(self) -> str:
        """All of it; answers the image's id."""
        session = self._session
        head = self._output.lane()
        for warning in session.file.warnings:
            if session.request.detailed:
                self._output.warn(warning)
            else:
                head.stream(f"[Warning] {warning}\n")
        self._prepare()
        solved = plan(
            session.file, session.request.target, self._expand, session.replaced, later=session.request.modern
        )
        self._label(solved.target)
        state = await self._stages(solved, head)
        if not state.id and not session.request.detailed:
            raise InvalidArgument("No image was generated. Is your Dockerfile empty?")
        self._warn()
        if await self._taken(state):
            return ""
        image_id = await self._store(state)
        if session.request.steps or not session.request.quiet:
            self._output.say({"aux": {"ID": image_id}})
        if session.request.quiet:
            self._output.say({"stream": f"{image_id}\n"})
            return image_id
        self._output.say({"stream": f"Successfully built {truncate(image_id)}\n"})
        for tag in session.request.tags:
            self._output.say({"stream": f"Successfully tagged {tag.familiar}\n"})
        return image_id

    def _expand(self, word: str) -> str:
        """With the arguments before the first FROM."""
        known = {name: value for name, value in self._session.meta.items() if value is not None}
        return Expander(self._session.file.escape, known).word(word)

    def _prepare(self) -> None:
        """The arguments before the first FROM."""
        session = self._session
        session.meta.update(platform_arguments(session.request.platform, session.request.target))
        arguments = Arguments(session.request.arguments, session.meta)
        for instruction in session.file.meta:
            for word in instruction.args:
                name, default = split_pair(word)
                known = {key: value for key, value in session.meta.items() if value is not None}
                expander = Expander(session.file.escape, known)
                arguments.declare(name, expander.word(default) if default is not None else None)
                session.meta[name] = arguments.value(name)
                session.referenced.add(name)

    async def _stages(self, solved: Plan, head: Lane) -> State:
        session = self._session
        before = len(session.file.meta)
        counts = {index: 1 + len(session.file.stages[index].instructions) for index in solved.needed}
        total, first = before + sum(counts.values()), before + 1
        builds = []
        for index in solved.needed:
            session.results[index] = asyncio.get_running_loop().create_future()
            lane = self._output.lane(session.file.stages[index].name or f"stage-{index}")
            names = vertices.names(session.file, index, self._expand, session.replaced)
            builds.append(StageBuild(session, index, lane, first, total, names))
            builds[-1].last = index == solved.target  # whose id is told once there is an image of it
            first += counts[index]
        for number, instruction in enumerate(session.file.meta, 1):
            head.begin(number, total, instruction.original.strip())
        head.end()
        try:
            async with asyncio.TaskGroup() as group:
                for build in builds:
                    group.create_task(self._one(build))
        except BaseExceptionGroup as failures:
            raise _first(failures) from failures
        return await session.results[solved.target]

    async def _one(self, build: StageBuild) -> None:
        result = self._session.results[build.index]
        try:
            state = await _run(build)
        except BaseException as error:
            result.cancel()
            build.lane.failed(CANCELED if isinstance(error, asyncio.CancelledError) else str(error))
            raise
        result.set_result(state)
        build.lane.end()

    def _label(self, target: int) -> None:
        """`--label`: one more instruction each of the last stage, whose values mean just what they say."""
        file, labels = self._session.file, self._session.request.labels
        for key, value in sorted(labels.items()):
            words = (_plain(key, file.escape), _plain(value, file.escape), "=")
            file.stages[target].instructions.append(Instruction("LABEL", f"LABEL {key}={value}", words))

    def _warn(self) -> None:
        session = self._session
        unused = sorted(
            name
            for name in session.request.arguments
            if name not in session.referenced and name not in PREDEFINED and name != "SOURCE_DATE_EPOCH"
        )
        if unused:
            self._output.warn(f"One or more build-args [{' '.join(unused)}] were not consumed")

    async def _taken(self, state: State) -> bool:
        """By the client, or by nobody: no image comes of it."""
        session = self._session
        if session.client is not None:
            made = Made(state, session.layers, self._assembler, session.images, session.request)
            await session.client.solved(made)
            if await session.client.export(made):
                return True
        if session.request.to_channel:
            await self._give(state)
            return True
        return not session.request.store

    async def _give(self, state: State) -> None:
        """The result as files, to the client; no image comes of it."""
        assert self._session.channel is not None
        async with self._session.layers.viewed(state) as root:
            self._output.say({"id": RESULT, "aux": {}})
            await self._session.channel.give(root)

    async def _store(self, state: State) -> str:
        session = self._session
        self._output.exporting("", done=False)
        self._output.exporting("exporting layers", done=False)
        layers = [layer.descriptor for layer in state.layers]
        base = await self._base(state)
        if base is not None:
            image_id, target, parent = base.id, base.names[0].target, base.parent
        else:
            image_id, target = await self._assembler.store(state.document(), layers, session.layers.lease)
            parent = state.base_id
        self._output.exporting("exporting layers", done=True)
        self._output.exporting(f"writing image {image_id}", done=True)
        for tag in session.request.tags:
            await self._names.tag(target, tag, parent)
            self._output.exporting(f"naming to {tag}", done=True)
        if not session.request.tags and base is None:
            await self._names.keep_dangling(target, parent)
        self._output.exporting("", done=True)
        return image_id

    async def _base(self, state: State) -> Image | None:
        """The image that the last stage began with, where it is nothing but that: no second one is made of it."""
        if not state.is_base:
            return None
        try:
            return await self._session.images.resolve(state.base_id)
        except NotFound:  # it has gone meanwhile
            return None


async def _run(build: StageBuild) -> State:
    """A stage; each time that something of it was lost, fewer of its steps are cached."""
    while True:
        try:
            return await build.run()
        except CacheLost:
            build = build.again()


def _plain(text: str, escape: str) -> str:
    """A word that expands to the text."""
    return "".join(escape + letter if letter in f"{escape}$'\"<" else letter for letter in text)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one failure that the others follow from: a stage that waits for a failed one is only cancelled."""
    flat: list[BaseException] = []
    open_ones: list[BaseException] = list(failures.exceptions)
    while open_ones:
        current = open_ones.pop(0)
        if isinstance(current, BaseExceptionGroup):
            open_ones = [*current.exceptions, *open_ones]
        else:
            flat.append(current)
    return next((one for one in flat if not isinstance(one, asyncio.CancelledError)), flat[0])
