"""A warm parent, as the shim is one: everything imported and frozen, each command line runs in a fork of it.

One JSON list of words a line on stdin; the exit status comes back as a line. Started without `site`, as the zygote is.
"""

import gc
import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import lowrt
from lowrt.cli import main as lowrt_main


def main() -> None:
    """Serve until stdin ends."""
    for module in pkgutil.walk_packages(lowrt.__path__, "lowrt."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    os.environ["_LOWRT_SEALED"] = "1"  # the zygote is, once and for all its forks
    gc.collect()
    gc.freeze()
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            _run(json.loads(line))
        status = os.waitpid(pid, 0)[1]
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))


def _run(words: list[str]) -> None:
    status = 1
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1):
            os.dup2(null, fd)
        status = lowrt_main(words)
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
