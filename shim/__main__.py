"""The shim's entry: an installed script, or this folder run as `python -IS shim`, which is how it starts fastest."""

import os
import sys

if __package__ in ("", None):  # run as a folder: the folder itself must not be where modules are looked up
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

NAME = "containerd-shim-wherry-v2"


def main() -> None:
    """Run and exit; every failure is one line on stderr and status 1, as containerd expects."""
    from shim.args import UsageError, parse, usage

    try:
        arguments = parse(sys.argv[1:])
    except UsageError as error:
        sys.stderr.write(f"{error}\nUsage of {NAME}:\n{usage()}")
        raise SystemExit(2) from None
    from shim.cli import run

    raise SystemExit(run(NAME, arguments, _zygote))


def _zygote() -> int:
    from shim import sites

    sites.enable()
    from shim import zygote

    return zygote.main()


if __name__ == "__main__":
    main()
