"""Lets requests that work begin a few at a time, so that a hundred that come at once do not keep a short one waiting.

The event loop runs all that is ready before it looks for what is new. A request's first stretch is a millisecond or two
of parsing, checking and writing: a hundred of them in one round are a fifth of a second. Here, so many begin in each
round, in the order in which they came.
"""

import asyncio
from collections import deque

PER_ROUND = 4


class Turnstile:
    """Of one event loop."""

    def __init__(self, per_round: int = PER_ROUND) -> None:
        self._per_round = per_round
        self._free = per_round
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turning = False

    async def enter(self) -> None:
        """Return when it is one's turn: at once where nobody is before."""
        if self._free and not self._waiting:
            self._free -= 1
            self._turn_next()
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._turn_next()
        await turn

    def _turn_next(self) -> None:
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        self._free = self._per_round
        while self._free and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # its client has left
                turn.set_result(None)
                self._free -= 1
        if self._waiting or self._free < self._per_round:
            self._turn_next()
