"""How long each program takes to be ready for its work: the interpreter and its imports, and nothing done."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench.measure import in_turn, print_table

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable


def run(_folder: Path, rounds: int) -> None:
    """Time and print; the bare interpreter stands beside as the floor."""
    jobs = {
        "python3 -IS -c pass": [PYTHON, "-IS", "-c", "pass"],
        "lowrt --version": [PYTHON, "-IS", str(ROOT / "lowrt"), "--version"],
        "containerd-shim-wherry-v2 -v": [PYTHON, "-IS", str(ROOT / "shim"), "-v"],
        "wherry --help": [str(Path(PYTHON).parent / "wherry"), "--help"],
        "import supervisor.daemon": [PYTHON, "-c", "import supervisor.daemon"],
        "import engine.daemon": [PYTHON, "-c", "import engine.daemon"],
    }
    medians = in_turn({name: _job(words) for name, words in jobs.items()}, rounds)
    print_table("Start-up", {name: {"wherry": seconds} for name, seconds in medians.items()}, ours="wherry")


def _job(words: list[str]) -> Callable[[], object]:
    return lambda: subprocess.run(words, check=True, capture_output=True, cwd=ROOT)
