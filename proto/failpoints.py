"""Places where a test may kill a program: `reached("supervisor.create.bundle")` between two steps.

Off unless the environment variable WHERRY_FAILPOINTS names a file. Where it does, the program that reaches the point
whose name is in that file removes the file and dies by SIGKILL, as by the OOM killer: nothing is cleaned up. The file
is looked at anew each time, so that a daemon can be armed while it runs.
"""

import os

VARIABLE = "WHERRY_FAILPOINTS"
_FILE = os.environ.get(VARIABLE, "")
_SIGKILL = 9


def reached(point: str) -> None:
    """Die here if a test wants it."""
    if _FILE:
        _look(_FILE, point)


def _look(path: str, point: str) -> None:
    try:
        with open(path, encoding="ascii") as file:
            armed = file.read()
        if armed != point:
            return
        os.unlink(path)
    except FileNotFoundError:
        return  # nobody is armed, or somebody else has just died of it
    os.kill(os.getpid(), _SIGKILL)
