"""Print the tables of `make bench`: runtimes on one bundle, engines under the stock docker CLI, memory, networks.

`python -m tests.bench [PART…] [--rounds N]`: all parts without a word.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import builds, engines, imports, load, memory, network, runtimes, starts, storms, supervisor
from tests.daemons import crun_accepts_this_host, unmount_below

PARTS = {
    "runtimes": runtimes.run,
    "engines": engines.run,
    "load": load.run,
    "starts": starts.run,
    "storms": storms.run,
    "supervisor": supervisor.run,
    "memory": memory.run,
    "imports": imports.run,
    "network": network.run,
    "builds": builds.run,
}


def main() -> None:
    """Measure the parts asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which tables; all of them by default")
    parser.add_argument("--rounds", type=int, default=20, help="how often each is timed (medians are shown)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("containers need root here: sudo make bench")
    for name in options.parts or PARTS:
        with private_folder() as folder, crun_accepts_this_host(folder):
            PARTS[name](folder, options.rounds)


@contextmanager
def private_folder() -> Iterator[Path]:
    """A short path for sockets; whatever an engine left mounted below it is unmounted, and all is removed."""
    folder = Path(tempfile.mkdtemp(prefix="wherry-bench-", dir="/run"))
    try:
        yield folder
    finally:
        unmount_below(folder)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
