"""`POST /containers/{id}/wait`: until it does not run, until its next exit, or until it is gone."""

import asyncio

from engine.containers.live import Ended, Live, Waiter
from proto.errdefs import InvalidArgument

CONDITIONS = ("not-running", "next-exit", "removed")


def begin(live: Live, condition: str) -> "asyncio.Future[Ended]":
    """A future of the exit; `not-running` is answered at once for what does not run."""
    condition = condition or "not-running"
    if condition not in CONDITIONS:
        raise InvalidArgument(f'invalid condition: "{condition}"')
    result: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
    state = live.container.state
    if condition == "not-running" and not state.running:
        result.set_result(Ended(state.exit_code))
        return result
    live.waiters.append(Waiter(condition, result))
    return result


def give_up(live: Live, result: "asyncio.Future[Ended]") -> None:
    """The client has gone."""
    live.waiters = [waiter for waiter in live.waiters if waiter.result is not result]
