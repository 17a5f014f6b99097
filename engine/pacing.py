"""Work takes turns, a few steps in each round of the event loop, so that hundreds of works keep no short one waiting.

The loop runs all that is ready before it looks for what is new. A step of work, from one `await` to the next, is up to
some milliseconds; with a hundred works under way, a round of a step each is a fifth of a second, and a client that
connects waits for several rounds until it is accepted, read and answered. Here so many steps are made in each round, in
the order in which they became possible, and what is not work (connections, their heads, `/_ping`) goes in between.

    pace = Pace()
    pace.install(loop)                  every task made from here on is work
    await pace.steps(coroutine)         one coroutine, within whatever task
    pacing.exempt()                     what begins from here on is none
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Coroutine, Iterator
from typing import Any

PER_ROUND = 4

_exempt: contextvars.ContextVar[bool] = contextvars.ContextVar("exempt", default=False)


def exempt(yes: bool = True) -> None:
    """Whether tasks that are begun in this context from now on are none of the work that takes turns."""
    _exempt.set(yes)


class Pace:
    """Of one event loop."""

    def __init__(self, per_round: int = PER_ROUND) -> None:
        self._per_round = per_round
        self._free = per_round
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turning = False

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on the loop's tasks take turns, but for those begun where it is `exempt`."""

        def make(
            loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any] | Any, **options: Any
        ) -> asyncio.Task[Any]:
            return asyncio.Task(work if _exempt.get() else self.steps(work), loop=loop, **options)

        loop.set_task_factory(make)

    def steps(self, work: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
        """The same work, each of its steps when it is its turn."""
        return work if isinstance(work, _Steps) else _Steps(work, self)

    def take(self) -> bool:
        """Take a turn in this round, if there is one and nobody waits for it."""
        self._turn_next()
        if not self._free or self._waiting:
            return False
        self._free -= 1
        return True

    def turn(self) -> asyncio.Future[None]:
        """Done when it is one's turn."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        return turn

    def _turn_next(self) -> None:
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        self._free = self._per_round
        while self._free and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # it was cancelled
                turn.set_result(None)
                self._free -= 1
        if self._waiting or self._free < self._per_round:
            self._turn_next()


class _Steps(Coroutine[Any, Any, Any]):
    """A coroutine around another one: where that one would go on, it waits for its turn first."""

    __slots__ = ("_pace", "_turn", "_work")

    def __init__(self, work: Coroutine[Any, Any, Any], pace: Pace) -> None:
        self._work = work
        self._pace = pace
        self._turn: Iterator[Any] | None = None  # what we wait for; else the work is at an `await` of its own

    def send(self, value: Any) -> Any:
        if self._turn is not None:
            self._turn = None
        elif not self._pace.take():
            self._turn = iter(self._pace.turn().__await__())
            return next(self._turn)
        return self._work.send(value)

    def throw(self, *error: Any) -> Any:
        """At once, also while it waits: who cancels is not to wait either."""
        self._turn = None
        return self._work.throw(*error)

    def close(self) -> None:
        self._turn = None
        self._work.close()

    def __await__(self) -> "_Steps":
        return self

    def __iter__(self) -> "_Steps":
        return self

    def __next__(self) -> Any:
        return self.send(None)
