"""A stage as its steps see it: what has come of it so far, its variables, and where it may take files from."""

from engine.builder import bases
from engine.builder.cache import Entry
from engine.builder.graph import copied_index
from engine.builder.output import Lane
from engine.builder.parser import Stage
from engine.builder.session import Known, Session
from engine.builder.state import State
from engine.builder.variables import Arguments, Expander
from engine.images.platform import Platform
from proto.errdefs import InvalidArgument


class CacheLost(Exception):
    """What the stage stands on so far is gone from the supervisor, and forgotten by now: it begins again."""


class Scope:
    """Of one stage; a step that is done leaves its `state` behind."""

    def __init__(self, session: Session, index: int, lane: Lane) -> None:
        self.session = session
        self.index = index
        self.lane = lane
        self.stage: Stage = session.file.stages[index]
        self.arguments = Arguments(session.request.arguments, session.meta)
        self.state = State(session.request.platform)
        self._unconfirmed: list[Entry] = []

    def expander(self) -> Expander:
        """With the variables as they are now."""
        return Expander(self.session.file.escape, self.variables())

    def variables(self) -> dict[str, str]:
        """ENV goes before ARG."""
        return {**self.arguments.all(), **self.state.environment}

    async def known(self, key: str, command: str, *, plain: bool = True) -> Known | None:
        """The next step, if it was made before and may be taken from there; if not, what it is to stand on is there."""
        found = None
        if self.stage.name not in self.session.request.no_cache_stages:
            found = self.session.known(key, self.state, command, plain=plain)
        if found is None:
            await self.confirm()
        elif found.entry is not None:
            self._unconfirmed.append(found.entry)
        return found

    async def confirm(self) -> None:
        """See that all that was taken from the cache is there: before its files are looked at, and at the end."""
        entries, self._unconfirmed = self._unconfirmed, []
        if entries and not await self.session.cache.confirm(entries, self.state.diff_ids):
            raise CacheLost

    async def given(self, name: str, platform: Platform) -> State | None:
        """What the client has given a name: an image, or the result of another build of its own."""
        if (state := self.session.request.states.get(name.lower())) is not None:
            await self.session.layers.hold(state)
            return state
        image = self.session.request.contexts.get(name.lower())
        return None if image is None else await bases.begin(self.session, self.lane, image, platform)

    async def origin(self, name: str) -> State:
        """What a `from` names: an earlier stage, or an image."""
        if (given := await self.given(name, self.session.request.platform)) is not None:
            return given
        index = copied_index(self.session.file, name, self.index, later=self.session.request.modern)
        if index is not None:
            if index not in self.session.results:
                raise InvalidArgument(f"a trigger of the base image uses the stage {name}, which nothing else needs")
            return await self.session.results[index]
        return await bases.begin(self.session, self.lane, name, self.session.request.platform)
