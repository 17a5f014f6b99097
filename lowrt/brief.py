"""The verbs that a living process may call in a thread of its own, instead of paying for a fork.

They change nothing of the process that they run in (no signal, no working directory, no umask), and fork nothing
unless there are hooks: a hook's exit would be taken by whoever else reaps there.
"""

from lowrt import cli
from lowrt.argv import parse
from lowrt.container import state_file
from lowrt.errors import Fault
from lowrt.ids import check_id
from lowrt.jsontext import JSONTextError
from lowrt.paths import StateDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = ("delete", "kill", "start")


def is_brief(argv: "Sequence[str]") -> bool:
    """Whether a command line (without the program's name) is one of these, on a container that we know."""
    try:
        options, words = parse(cli.GLOBAL, argv)
        if len(words) < 2 or words[0] not in VERBS or not options.text("root"):
            return False
        if words[0] == "kill":
            return True
        state = state_file.load(StateDir(options.text("root"), check_id(words[-1])))
    except (Fault, OSError, JSONTextError):
        return False
    return state.get("hooks") == {}


def main(argv: "Sequence[str]", program: str) -> int:
    """Run it; what went wrong is in the log alone, since stderr is the caller's."""
    return cli.main(argv, program, echo=False)
