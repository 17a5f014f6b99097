"""checkpoint: write a running container to an image."""

import os

from lowrt.argv import Grammar, Option
from lowrt.checkpoint.dump import checkpoint
from lowrt.checkpoint.options import SHARED_OPTIONS, checkpoint_options
from lowrt.container import destroy, status
from lowrt.container.container import Container
from lowrt.errors import Fault, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.argv import Values
    from lowrt.cli import Context

OPTIONS = (
    *SHARED_OPTIONS,
    Option("parent-path", "text", "path for previous criu image files in pre-dump, relative to the image path"),
    Option("leave-running", "bool", "leave the process running after checkpointing"),
    Option("tcp-skip-in-flight", "bool", "skip in-flight tcp connections"),
    Option("link-remap", "bool", "allow one to link unlinked files back when possible"),
    Option("status-fd", "number", "a NUL is written to this fd once lazy-pages is ready", default=-1),
    Option("page-server", "text", "ADDRESS:PORT of the page server"),
    Option("pre-dump", "bool", "dump container's memory information only, leave the container running after this"),
)
GRAMMAR = Grammar("checkpoint a running container", OPTIONS)


def run(context: "Context", options: "Values", arguments: list[str]) -> int:
    if os.geteuid() != 0:
        context.log.warning("checkpoint is untested with rootless containers")
    container = Container.load(context.root, arguments[0])
    lock = container.hold()
    try:
        status.check("checkpoint", container.status(), container.id)
        wanted = checkpoint_options(options)
        checkpoint(context.log, container, wanted)
        if not wanted.leave_running and not wanted.pre_dump:
            _destroy(context, container)
    finally:
        os.close(lock)
    return 0


def _destroy(context: "Context", container: Container) -> None:
    """It goes on from the image now; that its remains cannot be removed does not make the image worse."""
    try:
        destroy.kill_and_wait(container)
        destroy.destroy(container, context.log)
    except (Fault, OSError) as error:
        context.log.warning(describe(error))
