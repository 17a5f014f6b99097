"""Print the tables of `make bench`: runtimes on one bundle, engines under the stock docker CLI, memory, imports.

`python -m tests.bench [runtimes] [engines] [memory] [imports] [--rounds N]`: all four parts without a word.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import engines, imports, memory, runtimes

PARTS = {"runtimes": runtimes.run, "engines": engines.run, "memory": memory.run, "imports": imports.run}


def main() -> None:
    """Measure the parts asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which tables; all of them by default")
    parser.add_argument("--rounds", type=int, default=20, help="how often each is timed (medians are shown)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("containers need root here: sudo make bench")
    for name in options.parts or PARTS:
        with private_folder() as folder, hugetlb_out_of_cgroup2(folder):
            PARTS[name](folder, options.rounds)


@contextmanager
def private_folder() -> Iterator[Path]:
    """A short path for sockets; whatever an engine left mounted below it is unmounted, and all is removed."""
    folder = Path(tempfile.mkdtemp(prefix="wherry-bench-", dir="/run"))
    try:
        yield folder
    finally:
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for target in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
            subprocess.run(["umount", target], check=True)
        shutil.rmtree(folder)


@contextmanager
def hugetlb_out_of_cgroup2(folder: Path) -> Iterator[None]:
    """crun refuses a hybrid layout whose cgroup2 has a controller: mount hugetlb's own hierarchy meanwhile."""
    controllers = Path("/sys/fs/cgroup/unified/cgroup.controllers")
    if not controllers.exists() or "hugetlb" not in controllers.read_text():
        yield
        return
    target = folder / "hugetlb"
    target.mkdir()
    subprocess.run(["mount", "-t", "cgroup", "-o", "hugetlb", "none", target], check=True)
    try:
        yield
    finally:
        # A hierarchy with a folder in it outlives its mount, and then belongs to nobody.
        for left, _, _ in os.walk(target, topdown=False):
            if left != str(target):
                os.rmdir(left)
        subprocess.run(["umount", target], check=True)


if __name__ == "__main__":
    main()
