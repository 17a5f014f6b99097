"""One stage: FROM, its triggers, its instructions in order, each said as docker says it."""

from collections.abc import Sequence
from dataclasses import replace

from engine.builder import bases, copying, metadata, running
from engine.builder.cache import key_of
from engine.builder.graph import base_index
from engine.builder.output import Lane
from engine.builder.parser import Instruction, parse_one
from engine.builder.scope import Scope
from engine.builder.session import Session
from engine.builder.state import State
from engine.builder.variables import Expander, split_pair
from engine.images import platform as platforms
from engine.images.model import truncate
from engine.images.platform import Platform
from proto.errdefs import Unimplemented

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class StageBuild(Scope):
    """Builds one stage."""

    def __init__(
        self, session: Session, index: int, lane: Lane, first_step: int, steps: int, names: Sequence[str] = ()
    ) -> None:
        super().__init__(session, index, lane)
        self._given_names = names
        self._names = iter(names)
        self._first = self._step = first_step
        self._steps = steps
        self._command_set = False
        self.last = False  # the one that the image is made of

    async def run(self) -> State:
        """From FROM to the last instruction."""
        self._announce(self.stage.origin)
        self.state = with_path(await self._begin())
        triggers = self.state.config.get("OnBuild") or []
        left = {key: value for key, value in self.state.config.items() if key != "OnBuild"}
        self.state = replace(self.state, config=left)  # the base's own is others' too
        self._show()
        if triggers:
            self.lane.stream(f"# Executing {len(triggers)} build trigger{'s' if len(triggers) > 1 else ''}\n")
        for trigger in triggers:
            await self._dispatch(parse_one(trigger))
            self._show()
        for instruction in self.stage.instructions:
            self._announce(instruction)
            await self._dispatch(instruction)
            self._show()
        if self.state.id and not self.last:
            self.lane.line({"aux": {"ID": self.state.id}})
        self.session.referenced |= self.arguments.referenced
        await self.confirm()
        return self.state

    def again(self) -> "StageBuild":
        """The same from its beginning."""
        return StageBuild(self.session, self.index, self.lane, self._first, self._steps, self._given_names)

    async def _begin(self) -> State:
        expander = Expander(
            self.session.file.escape, {key: value for key, value in self.session.meta.items() if value is not None}
        )
        name = expander.word(self.stage.base)
        if not name:
            raise self.stage.origin.fault(f"base name ({self.stage.base}) should not be blank")
        if self.session.is_folder(name):
            raise self.stage.origin.fault(
                f"the build context {name} is a folder: COPY --from={name} takes files from it"
            )
        if (given := await self.given(name, self._platform(expander))) is not None:
            return given
        index = base_index(self.session.file, name, self.index)
        if index is not None:
            return await self.session.results[index]
        return await bases.begin(self.session, self.lane, name, self._platform(expander))

    def _platform(self, expander: Expander) -> Platform:
        text = expander.word(self.stage.platform)
        if not text:
            return self.session.request.platform
        asked = platforms.parse(text)
        if platforms.host().rank(asked) is None:
            raise Unimplemented(
                f"FROM --platform={text} (line {self.stage.origin.line}) is not supported on {platforms.host()}: "
                "there is no emulation here"
            )
        return asked

    def _announce(self, instruction: Instruction) -> None:
        name = next(self._names, "")
        self.lane.begin(self._step, self._steps, instruction.original.strip(), vertex=name, line=instruction.line)
        self._step += 1

    def _show(self) -> None:
        self.lane.done(truncate(self.state.id))

    async def _dispatch(self, instruction: Instruction) -> None:
        match instruction.name:
            case "RUN":
                self.state = await running.run(self, instruction)
            case "COPY" | "ADD":
                self.state = await copying.copy(self, instruction)
            case "ARG":
                await self._argument(instruction)
            case "MAINTAINER":
                await self._maintainer(instruction)
            case _:
                await self._configure(instruction)

    async def _configure(self, instruction: Instruction) -> None:
        config, comment = metadata.apply(self.state.config, instruction, self.expander())
        if instruction.name == "CMD":
            self._command_set = bool(instruction.args)
        if instruction.name == "ENTRYPOINT" and not self._command_set:
            config.pop("Cmd", None)
        if instruction.name == "WORKDIR":
            self.state = await copying.workdir(self, config, comment)
        else:
            self.state = await self.noted(config, comment)

    async def _argument(self, instruction: Instruction) -> None:
        shown = []
        for word in instruction.args:
            name, default = split_pair(word)
            expander = self.expander()
            name = expander.word(name)
            default = expander.word(default) if default is not None else None
            self.arguments.declare(name, default)
            shown.append(name if default is None else f"{name}={default}")
        self.state = await self.noted(self.state.config, f" ARG {' '.join(shown)}")

    async def _maintainer(self, instruction: Instruction) -> None:
        self.state = replace(self.state, author=instruction.args[0])
        self.state = await self.noted(self.state.config, f" MAINTAINER {instruction.args[0]}")

    async def noted(self, config: dict[str, object], comment: str) -> State:
        """A step without a layer; a time that it was done before is taken over, so that ids stay the same."""
        command = replace(self.state, config=config).nop(comment)
        key = key_of("config", self.state.top, self.state.config, str(self.state.platform), command, self.state.author)
        known = await self.known(key, command)
        epoch = self.session.request.epoch
        if known is not None and epoch is None:
            self.lane.cached()
            return self.state.stepped(config, command, known.created)
        created = self.session.now()
        if epoch is None:
            await self.session.cache.keep(key, created, command, None, self.state)
        return self.state.stepped(config, command, created)


def with_path(state: State) -> State:
    """Every stage has a PATH, also one FROM scratch."""
    if "PATH" in state.environment:
        return state
    return replace(state, config={**state.config, "Env": [*(state.config.get("Env") or ()), _PATH]})
