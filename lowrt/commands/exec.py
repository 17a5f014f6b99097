"""exec: run one more process in a container."""

import os

from lowrt.argv import Grammar, Option
from lowrt.commands.exec_process import process_from_file, process_from_options
from lowrt.container import foreground
from lowrt.container.container import Container
from lowrt.container.create import check_terminal
from lowrt.container.execute import Request, check_status, execute
from lowrt.container.pid_file import absolute, write_pid_file
from lowrt.errors import InvalidArgument
from lowrt.init import sync

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context
    from lowrt.init.parent import Forked

OPTIONS = (
    Option("console-socket", "text", "path to an AF_UNIX socket which will receive the console's master"),
    Option("pidfd-socket", "text", "path to an AF_UNIX socket which will receive a pidfd of the process"),
    Option("cwd", "text", "current working directory in the container"),
    Option("env", "texts", "set environment variables", short="e"),
    Option("tty", "bool", "allocate a pseudo-TTY", short="t"),
    Option("user", "text", "UID (format: <uid>[:<gid>])", short="u"),
    Option("additional-gids", "texts", "additional gids", short="g"),
    Option("process", "text", "path to the process.json", short="p"),
    Option("detach", "bool", "detach from the container's process", short="d"),
    Option("pid-file", "text", "specify the file to write the process id to"),
    Option("process-label", "text", "set the asm process label for the process commonly used with selinux"),
    Option("apparmor", "text", "set the apparmor profile for the process"),
    Option("no-new-privs", "bool", "set the no new privileges value for the process"),
    Option("cap", "texts", "add a capability to the bounding set for the process", short="c"),
    Option("preserve-fds", "number", "pass N additional file descriptors to the container"),
    Option("cgroup", "texts", "run the process in an (existing) sub-cgroup(s). Format is [<controller>:]<cgroup>."),
    Option("ignore-paused", "bool", "allow exec in a paused container"),
)
GRAMMAR = Grammar(
    "execute new process inside the container",
    OPTIONS,
    arguments="<container-id> <command> [command options]  || -p process.json <container-id>",
    count=(1, None),
    interspersed=False,
    failure="exec failed",
    status=255,
)


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    pid_file = absolute(options.text("pid-file"))
    container = Container.load(context.root, arguments[0])
    check_status(container, ignore_paused=options.flag("ignore-paused"))
    path = options.text("process")
    process = process_from_file(path) if path else process_from_options(container, options, arguments[1:])
    request = Request(container, process)
    request.below = _cgroups_below(options.texts("cgroup"))
    request.preserve_fds = options.number("preserve-fds")
    request.pidfd_socket = options.text("pidfd-socket")
    terminal, detach = bool(process.get("terminal")), options.flag("detach")
    socket_path = options.text("console-socket")
    check_terminal(detach=detach, terminal=terminal, console_socket=socket_path)

    def started(forked: "Forked") -> None:
        if pid_file:
            write_pid_file(pid_file, forked.pid)

    if not detach:
        return foreground.run(lambda console: execute(context, request, console), terminal=terminal, started=started)
    console = sync.connect(socket_path) if terminal else -1
    started(execute(context, request, console))
    if console >= 0:
        os.close(console)
    return 0


def _cgroups_below(words: list[str]) -> dict[str, str]:
    """`--cgroup` words as controller → path; a path alone is for all of them."""
    below: dict[str, str] = {}
    for word in words:
        controllers, separator, path = word.partition(":")
        if not separator:
            if len(words) != 1:
                raise InvalidArgument(f"invalid --cgroup argument: {word} (missing <controller>: prefix)")
            return {"": word}
        for controller in controllers.split(","):
            if not controller:
                raise InvalidArgument(f"invalid --cgroup argument: {word} (empty <controller> prefix)")
            if controller in below:
                words_ = f"controller {controller} specified multiple times"
                raise InvalidArgument(f"invalid --cgroup argument(s): {words_}")
            below[controller] = path
    return below
