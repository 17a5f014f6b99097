"""state: print what is known of a container."""

import os

from lowrt.argv import Grammar
from lowrt.container.container import Container
from lowrt.jsontext import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context

GRAMMAR = Grammar("output the state of a container")


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    del options
    container = Container.load(context.root, arguments[0])
    os.write(1, dumps(container.runc_state(), "  ").encode())
    return 0
