"""start: run the program of a created container."""

import os

from lowrt.argv import Grammar
from lowrt.container import start
from lowrt.container.container import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context

GRAMMAR = Grammar("executes the user defined process in a created container")


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    del options
    container = Container.load(context.root, arguments[0])
    lock = container.hold()
    try:
        if os.environ.get("NOTIFY_SOCKET") and os.path.isdir(container.dir.notify):
            _start_and_wait(container)
        else:
            start.start(container)
    finally:
        os.close(lock)
    return 0


def _start_and_wait(container: Container) -> None:
    """The service manager wants to know when it is ready."""
    from lowrt.container import notify

    proxy = notify.Proxy(container.dir)
    try:
        start.start(container)
        notify.wait_ready(proxy, container.pid)
    finally:
        proxy.close()
