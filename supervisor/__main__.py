"""`wherry-supervisor`, and `python -m supervisor`."""

import sys

from supervisor.cli import main as run


def main() -> None:
    """The console script."""
    sys.exit(run())


if __name__ == "__main__":
    main()
