"""run: create a container, start it, and stay with it unless told to detach."""

import os

from lowrt.argv import Grammar, Option
from lowrt.commands import create as create_command
from lowrt.container import destroy, foreground
from lowrt.container.create import Created, Request, check_terminal, create, load
from lowrt.container.pid_file import absolute, write_pid_file
from lowrt.container.start import start
from lowrt.errors import empty_id
from lowrt.init import sync
from lowrt.linux import prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context
    from lowrt.container.foreground import Watch
    from lowrt.container.notify import Proxy
    from lowrt.init.parent import Forked
    from lowrt.spec.model import Spec

OPTIONS = (
    *create_command.OPTIONS,
    Option("detach", "bool", "detach from the container's process", short="d"),
    Option("keep", "bool", "do not delete the container after it exits"),
    Option("no-subreaper", "bool", "disable the use of the subreaper used to reap reparented processes"),
)
GRAMMAR = Grammar("create and run a container", OPTIONS, failure="runc run failed")


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    pid_file = absolute(options.text("pid-file"))
    request = create_command.request_from(options, arguments[0])
    request.keep = options.flag("keep")
    spec = load(request)
    if not request.id:
        raise empty_id()
    detach, socket_path = options.flag("detach"), options.text("console-socket")
    terminal = bool(spec.process.get("terminal"))
    check_terminal(detach=detach, terminal=terminal, console_socket=socket_path)
    if detach:
        return _run_detached(context, request, spec, pid_file, socket_path if terminal else "")
    if not options.flag("no-subreaper"):
        prctl.set_child_subreaper()
    return _run_here(context, request, spec, pid_file)


def _run_detached(context: "Context", request: Request, spec: "Spec", pid_file: str, socket_path: str) -> int:
    console = sync.connect(socket_path) if socket_path else -1
    created = create(context, request, spec, console)
    proxy = _proxy(created)
    start(created.container)
    if pid_file:
        write_pid_file(pid_file, created.container.pid)
    if proxy is not None:
        proxy.wait(created.container.pid, created.forked.pidfd)
        proxy.close()
    created.close()
    if console >= 0:
        os.close(console)
    return 0


def _run_here(context: "Context", request: Request, spec: "Spec", pid_file: str) -> int:
    made: list[Created] = []

    def make(console: int) -> "Forked":
        made.append(create(context, request, spec, console))
        return made[0].forked

    def started(forked: "Forked") -> "Watch | None":
        proxy = _proxy(made[0])
        start(made[0].container)
        if pid_file:
            write_pid_file(pid_file, forked.pid)
        return None if proxy is None else (proxy.fileno(), lambda: proxy.pass_on(os.getpid()))

    try:
        return foreground.run(make, terminal=bool(spec.process.get("terminal")), started=started)
    finally:
        for created in made:
            end(context, request, created)


def _proxy(created: Created) -> "Proxy | None":
    """Where whoever started us waits for the container to be ready."""
    if not os.environ.get("NOTIFY_SOCKET"):
        return None
    from lowrt.container.notify import Proxy

    return Proxy(created.container.dir)


def end(context: "Context", request: Request, created: Created) -> None:
    """Remove a container whose process has ended, or is to end, unless it is to be kept."""
    if not request.keep:
        if created.container.is_alive() or not created.container.has_own_pid_namespace:
            destroy.kill_and_wait(created.container)
        destroy.destroy(created.container, context.log)
    created.close()
