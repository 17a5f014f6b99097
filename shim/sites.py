"""Third-party packages for a program started without site (`python -S`): only what needs protobuf looks for them."""

import sys


def enable() -> None:
    """Make the environment's packages importable, as the interpreter would have done without -S."""
    if sys.flags.no_site:
        import site

        site.main()
