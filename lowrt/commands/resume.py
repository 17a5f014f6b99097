"""resume: let a paused container's processes go on."""

import os

from lowrt.argv import Grammar
from lowrt.container import status
from lowrt.container.container import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context

GRAMMAR = Grammar("resumes all processes that have been previously paused")


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    del options
    container = Container.load(context.root, arguments[0])
    lock = container.hold()
    try:
        status.check("resume", container.status(), container.id)
        container.cgroup.thaw()
    finally:
        os.close(lock)
    return 0
