"""kill: send a signal to a container's init process, or to all of its processes."""

from lowrt.argv import Grammar, Option
from lowrt.container.container import Container
from lowrt.errors import FailedPrecondition, InvalidArgument
from lowrt.linux.constants import SIGNALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context

GRAMMAR = Grammar(
    "sends the specified signal (default: SIGTERM) to the container's init process",
    (Option("all", "bool", "send the specified signal to all processes inside the container", short="a"),),
    arguments="<container-id> [signal]",
    count=(1, 2),
    interspersed=False,
)


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    container = Container.load(context.root, arguments[0])
    number = parse_signal(arguments[1] if len(arguments) > 1 and arguments[1] else "SIGTERM")
    if not options.flag("all"):
        container.signal(number)
        return 0
    try:
        container.signal_all(number)
    except FailedPrecondition:
        return 0  # nobody is left: what was wanted
    return 0


def parse_signal(text: str) -> int:
    """A number, or a name with or without SIG, in any case."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if digits.isascii() and digits.isdigit():
        return int(text)
    number = SIGNALS.get(text.upper().removeprefix("SIG"))
    if number is None:
        raise InvalidArgument(f'unknown signal "{text}"')
    return number
