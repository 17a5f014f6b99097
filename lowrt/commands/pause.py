"""pause: stop all processes of a container where they are."""

import os

from lowrt.argv import Grammar
from lowrt.container import status
from lowrt.container.container import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context

GRAMMAR = Grammar("pause suspends all processes inside the container")


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    del options
    container = Container.load(context.root, arguments[0])
    lock = container.hold()
    try:
        status.check("pause", container.status(), container.id)
        container.cgroup.freeze()
    finally:
        os.close(lock)
    return 0
