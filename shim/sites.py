"""Third-party packages for a program started without site (`python -S`): only what needs protobuf looks for them."""

import sys

_done = [not sys.flags.no_site]


def enable() -> None:
    """Make the environment's packages importable, as the interpreter would have done without -S; once.

    A fork of a zygote has them already: to read every .pth file again would cost it milliseconds and memory.
    """
    if not _done[0]:
        import site

        site.main()
        _done[0] = True
