"""Whether and when an ended container starts again. Pure.

Beside Docker's policies there is `on-unhealthy[:N]`: an unhealthy container is stopped, and starts again; so does one
that fails by itself.
"""

from typing import Any

from proto.errdefs import InvalidArgument

Json = dict[str, Any]

ON_UNHEALTHY = "on-unhealthy"

FIRST_DELAY, LONGEST_DELAY, SETTLED_AFTER = 0.1, 60.0, 10.0


def check(policy: Json, *, auto_remove: bool) -> None:
    """Refuse what is no policy, and what contradicts --rm."""
    name, count = policy.get("Name") or "", policy.get("MaximumRetryCount") or 0
    if name not in ("", "no", "always", "unless-stopped", "on-failure", ON_UNHEALTHY):
        raise InvalidArgument(
            f"invalid restart policy: unknown policy '{name}'; "
            "use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        )
    if count and name in ("", "no", "always", "unless-stopped"):
        raise InvalidArgument(
            "invalid restart policy: maximum retry count can only be used with 'on-failure'"
            + ("" if count > 0 else " and cannot be negative")
        )
    if count < 0:
        raise InvalidArgument("invalid restart policy: maximum retry count cannot be negative")
    if auto_remove and name not in ("", "no"):
        raise InvalidArgument("can't create 'AutoRemove' container with restart policy")


def wants_restart(
    policy: Json, *, exit_code: int, restarts: int, manually_stopped: bool, unhealthy: bool = False
) -> bool:
    """After an exit, while the engine runs; `unhealthy` was the last verdict before it."""
    if manually_stopped:
        return False
    match policy.get("Name") or "no":
        case "always" | "unless-stopped":
            return True
        case "on-failure" | "on-unhealthy" as name:
            limit = policy.get("MaximumRetryCount") or 0
            failed = exit_code != 0 or (unhealthy and name == ON_UNHEALTHY)
            return failed and (limit == 0 or restarts < limit)
        case _:
            return False


def wants_start_at_boot(policy: Json, *, exit_code: int, manually_stopped: bool) -> bool:
    """When the engine starts and finds it ended; "always" comes back even after a manual stop, as with dockerd."""
    match policy.get("Name") or "no":
        case "always":
            return True
        case "unless-stopped":
            return not manually_stopped
        case "on-failure" | "on-unhealthy":
            return exit_code != 0 and not manually_stopped
        case _:
            return False


def next_delay(previous: float, ran_for: float) -> float:
    """Doubling from 100 ms to a minute; a container that ran for ten seconds begins anew."""
    if previous == 0 or ran_for >= SETTLED_AFTER:
        return FIRST_DELAY
    return min(previous * 2, LONGEST_DELAY)
