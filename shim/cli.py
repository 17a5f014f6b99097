"""Which program the shim is this time: start, delete, information, zygote, or the server itself."""

import sys

from shim import __version__, sites
from shim.args import Arguments

TYPE_CHECKING = False  # typing itself costs 12 ms
if TYPE_CHECKING:
    from collections.abc import Callable


def run(name: str, arguments: Arguments, zygote: "Callable[[], int] | None" = None) -> int:
    """The exit status. Imports only what the action needs; `zygote` is for the program, not for the zygote's forks."""
    if arguments.version:
        sys.stdout.write(
            f"{name}:\n  Version:  {__version__}\n  Revision: \n  Python version: {sys.version.split()[0]}\n\n"
        )
        return 0
    try:
        return _act(arguments, zygote)
    except Exception as error:  # the seam to containerd: its log gets this line, there is nobody else to tell
        sys.stderr.write(f"{name}: {describe(error)}\n")
        return 1


def _act(arguments: Arguments, zygote: "Callable[[], int] | None") -> int:
    if arguments.info:
        sites.enable()
        from shim import info

        return info.main()
    if arguments.action == "zygote":
        if zygote is None:
            raise ValueError("a zygote starts no other")
        return zygote()
    if not arguments.namespace:
        raise ValueError("shim namespace cannot be empty")
    if arguments.action == "start":
        from shim import start

        return start.main(arguments)
    if arguments.action == "delete":
        from shim import delete

        return delete.main(arguments)
    if arguments.action:
        raise ValueError(f"unknown action {arguments.action!r}")
    sites.enable()
    from shim import serve

    return serve.main(arguments)


def describe(error: Exception) -> str:
    """An error as one line for the caller."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
