"""A whole build: the context received, the stages solved side by side, the last one stored and named."""

import asyncio
import secrets
from collections.abc import Callable

from engine.builder.graph import Plan, plan
from engine.builder.output import RESULT, Lane, Line, Output
from engine.builder.parser import Instruction
from engine.builder.session import Session
from engine.builder.stage import StageBuild
from engine.builder.state import State
from engine.builder.variables import PREDEFINED, Arguments, Expander, platform_arguments, split_pair
from engine.images.assemble import Assembler
from engine.images.model import truncate
from engine.images.names import Names
from proto.errdefs import InvalidArgument


def new_id() -> str:
    """A build's id; its lease, snapshots and containers carry it."""
    return f"wherry-build-{secrets.token_hex(8)}"


class Build:
    """Runs one session."""

    def __init__(self, session: Session, assembler: Assembler, names: Names, sink: Callable[[Line], None]) -> None:
        self._session = session
        self._assembler = assembler
        self._names = names
        self._output = Output(sink, quiet=session.request.quiet, steps=session.request.steps)

    async def run(self) -> str:
        """All of it; answers the image's id."""
        session = self._session
        head = self._output.lane()
        for warning in session.file.warnings:
            head.stream(f"[Warning] {warning}\n")
        self._prepare()
        known = {name: value for name, value in session.meta.items() if value is not None}
        solved = plan(session.file, session.request.target, Expander(session.file.escape, known).word, session.replaced)
        self._label(solved.target)
        state = await self._stages(solved, head)
        if not state.id:
            raise InvalidArgument("No image was generated. Is your Dockerfile empty?")
        self._warn()
        if session.request.to_channel:
            await self._give(state)
            return ""
        image_id = await self._store(state)
        if session.request.steps:
            self._output.say({"aux": {"ID": image_id}})
        if session.request.quiet:
            self._output.say({"stream": f"{image_id}\n"})
            return image_id
        self._output.say({"stream": f"Successfully built {truncate(image_id)}\n"})
        for tag in session.request.tags:
            self._output.say({"stream": f"Successfully tagged {tag.familiar}\n"})
        return image_id

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
            builds.append(StageBuild(session, index, lane, first, total))
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
            state = await build.run()
        except BaseException:
            result.cancel()
            build.lane.failed()
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
        if unused and not session.request.quiet:
            words = " ".join(unused)
            self._output.say({"stream": f"[Warning] One or more build-args [{words}] were not consumed\n"})

    async def _give(self, state: State) -> None:
        """The result as files, to the client; no image comes of it."""
        assert self._session.channel is not None
        async with self._session.layers.viewed(state) as root:
            self._output.say({"id": RESULT, "aux": {}})
            await self._session.channel.give(root)

    async def _store(self, state: State) -> str:
        session = self._session
        layers = [layer.descriptor for layer in state.layers]
        image_id, target = await self._assembler.store(state.document(), layers, session.layers.lease)
        for tag in session.request.tags:
            await self._names.tag(target, tag, state.base_id)
        if not session.request.tags:
            await self._names.keep_dangling(target, state.base_id)
        return image_id


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
