"""delete: remove what a container holds, killing it first where that is allowed."""

import os

from lowrt.argv import Grammar, Option
from lowrt.container import destroy, status
from lowrt.container.container import Container
from lowrt.errors import NotFound
from lowrt.ids import check_id
from lowrt.paths import StateDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context

GRAMMAR = Grammar(
    "delete any resources held by the container often used with detached container",
    (Option("force", "bool", "Forcibly deletes the container if it is still running (uses SIGKILL)", short="f"),),
)


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    force = options.flag("force")
    try:
        container = Container.load(context.root, arguments[0])
    except NotFound:
        # A creation that was killed before it wrote down anything leaves a bare directory.
        destroy.remove_state(StateDir(context.root, check_id(arguments[0])))
        if force:
            return 0
        raise
    if force:
        destroy.kill_and_wait(container)  # before the lock: whoever holds it may be waiting for the container
    try:
        lock = container.hold()
    except NotFound:  # its own `run`, which we have waked, was quicker
        if force:
            return 0
        raise
    try:
        _delete(context, container, force=force)
    finally:
        os.close(lock)
    return 0


def _delete(context: "Context", container: Container, *, force: bool) -> None:
    now = container.status()
    if not force:
        status.check("delete", now, container.id)
    if now != status.STOPPED:
        destroy.kill_and_wait(container)
    destroy.destroy(container, context.log)
