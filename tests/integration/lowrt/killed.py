"""Runs lowrt and kills it with SIGKILL when it calls its N-th function: `killed.py parent|init N words…`.

With N = 0 it kills nothing, and writes how many there were to stderr. A function counts the first time only: what
happens between two steps is what the first call of each tells apart.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from lowrt.cli import main as lowrt_main  # noqa: E402 - found where this file says


class Killer:
    """A profile function."""

    def __init__(self, whom: str, number: int) -> None:
        self._parent, self._whom, self._number = os.getpid(), whom, number
        self.seen: set[object] = set()
        self._is_child = False

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call" or "/lowrt/" not in frame.f_code.co_filename:
            return
        child = os.getpid() != self._parent or os.getpid() == 1
        if child and not self._is_child:
            self._is_child, self.seen = True, set()
        self.seen.add(frame.f_code)
        if (self._whom == "init") == child and self._number == len(self.seen):
            os.kill(os.getpid(), signal.SIGKILL)
            if os.getpid() == 1:  # a signal of one's own does nothing to the first of a pid namespace
                os._exit(137)


def main() -> int:
    whom, number, *words = sys.argv[1:]
    killer = Killer(whom, int(number))
    os.environ["_LOWRT_SEALED"] = "1"
    sys.setprofile(killer)
    status = lowrt_main(words)
    sys.setprofile(None)
    if number == "0":
        os.write(2, b"functions: %d\n" % len(killer.seen))
    return status


if __name__ == "__main__":
    os._exit(main())
