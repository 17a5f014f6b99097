"""restore: a container out of an image that `checkpoint` wrote."""

import os

from lowrt.argv import Grammar, Option
from lowrt.checkpoint.options import SHARED_OPTIONS, Options, restore_options
from lowrt.checkpoint.restore import restore
from lowrt.commands.run import end
from lowrt.container import foreground
from lowrt.container.create import Created, Request, check_terminal, load
from lowrt.container.pid_file import absolute, write_pid_file
from lowrt.errors import empty_id, unsupported
from lowrt.init import sync
from lowrt.linux import prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context
    from lowrt.init.parent import Forked
    from lowrt.spec.model import Spec

OPTIONS = (
    *SHARED_OPTIONS,
    Option("bundle", "text", "path to the root of the bundle directory", short="b"),
    Option(
        "console-socket",
        "text",
        "path to an AF_UNIX socket which will receive a file descriptor referencing the master end of the console's "
        "pseudoterminal",
    ),
    Option("detach", "bool", "detach from the container's process", short="d"),
    Option("pid-file", "text", "specify the file to write the process id to"),
    Option("no-subreaper", "bool", "disable the use of the subreaper used to reap reparented processes"),
    Option("no-pivot", "bool", "refused: criu always pivots"),
    Option("lsm-profile", "text", "an LSM profile to be used during restore in the form of TYPE:NAME"),
    Option("lsm-mount-context", "text", "an LSM mount context to be used during restore"),
)
GRAMMAR = Grammar("restore a container from a previous checkpoint", OPTIONS)


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    if os.geteuid() != 0:
        context.log.warning("restore is untested with rootless containers")
    if options.flag("no-pivot"):
        raise unsupported("restore with --no-pivot")
    wanted = restore_options(options)  # before the bundle becomes our directory
    pid_file = absolute(options.text("pid-file"))
    request = Request(arguments[0], options.text("bundle"))
    spec = load(request)
    if not request.id:
        raise empty_id()
    detach, socket_path = options.flag("detach"), options.text("console-socket")
    terminal = bool(spec.process.get("terminal"))
    check_terminal(detach=detach, terminal=terminal, console_socket=socket_path)
    if detach:
        return _run_detached(context, request, spec, wanted, pid_file, socket_path if terminal else "")
    if not options.flag("no-subreaper"):
        prctl.set_child_subreaper()
    return _run_here(context, request, spec, wanted, pid_file)


def _run_detached(
    context: "Context", request: Request, spec: "Spec", wanted: Options, pid_file: str, socket_path: str
) -> int:
    console = sync.connect(socket_path) if socket_path else -1
    restored = restore(context, request, spec, wanted, console)
    try:
        if pid_file:
            write_pid_file(pid_file, restored.container.pid)
    except OSError:
        end(context, request, restored)
        raise
    restored.close()
    if console >= 0:
        os.close(console)
    return 0


def _run_here(context: "Context", request: Request, spec: "Spec", wanted: Options, pid_file: str) -> int:
    made: list[Created] = []

    def make(console: int) -> "Forked":
        made.append(restore(context, request, spec, wanted, console))
        return made[0].forked

    def started(forked: "Forked") -> None:
        if pid_file:
            write_pid_file(pid_file, forked.pid)

    try:
        return foreground.run(make, terminal=bool(spec.process.get("terminal")), started=started)
    finally:
        for restored in made:
            end(context, request, restored)
