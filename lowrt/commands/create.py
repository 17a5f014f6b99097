"""create: make a container whose process waits for `start`."""

import os

from lowrt.argv import Grammar, Option
from lowrt.container.create import Request, check_terminal, create, load
from lowrt.container.pid_file import absolute, write_pid_file
from lowrt.errors import empty_id
from lowrt.init import sync

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context

OPTIONS = (
    Option("bundle", "text", "path to the root of the bundle directory, defaults to the current directory", short="b"),
    Option(
        "console-socket",
        "text",
        "path to an AF_UNIX socket which will receive a file descriptor referencing the master end of the console's "
        "pseudoterminal",
    ),
    Option("pidfd-socket", "text", "path to an AF_UNIX socket which will receive a pidfd of the init process"),
    Option("pid-file", "text", "specify the file to write the process id to"),
    Option("no-pivot", "bool", "do not use pivot_root, for a rootfs on top of a ramdisk"),
    Option("no-new-keyring", "bool", "let the container inherit the caller's session keyring"),
    Option("preserve-fds", "number", "pass N additional file descriptors to the container"),
)

GRAMMAR = Grammar("create a container", OPTIONS, failure="runc create failed")


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    pid_file = absolute(options.text("pid-file"))
    request = request_from(options, arguments[0])
    spec = load(request)
    if not request.id:
        raise empty_id()
    socket_path = options.text("console-socket")
    terminal = bool(spec.process.get("terminal"))
    check_terminal(detach=True, terminal=terminal, console_socket=socket_path)
    console = sync.connect(socket_path) if terminal else -1
    created = create(context, request, spec, console)
    if pid_file:
        write_pid_file(pid_file, created.container.pid)
    created.close()
    if console >= 0:
        os.close(console)
    return 0


def request_from(options: "Values", container_id: str) -> Request:
    """The options that `create` and `run` share."""
    request = Request(container_id, options.text("bundle"))
    request.pidfd_socket = options.text("pidfd-socket")
    request.preserve_fds = options.number("preserve-fds")
    request.no_pivot = options.flag("no-pivot")
    request.new_keyring = not options.flag("no-new-keyring")
    return request
