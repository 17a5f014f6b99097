"""The interpreter's file, protected or not."""

import os
import subprocess
import sys
from pathlib import Path

from lowrt import seal
from tests import needs

ROOT = Path(__file__).resolve().parents[3]


def test_this_process_knows_whether_it_is_sealed() -> None:
    assert seal.is_sealed() == bool(os.statvfs("/proc/self/exe").f_flag & os.ST_RDONLY)


def test_a_copy_in_memory_counts_as_sealed() -> None:
    """What older kernels get: every seal is on it."""
    program = "import sys; sys.path.insert(0, sys.argv[1]); from lowrt import seal; print(seal.is_sealed())"
    fd = seal._copy_in_memory()
    try:
        done = subprocess.run(
            [sys.executable, "-IS", "-c", program, str(ROOT)],
            executable=f"/proc/self/fd/{fd}",
            pass_fds=[fd],
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        os.close(fd)
    assert done.stdout == "True\n"


@needs.root
def test_a_clone_is_read_only_and_runs_the_command_line_again() -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from lowrt import seal\n"
        "seal.__file__ = sys.argv[2] + '/seal.py'\n"
        "seal.ensure_sealed(['a', 'b']); print('already')"
    )
    folder = Path(os.environ.get("PYTEST_TMPDIR", "/tmp")) / f"wherry-seal-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / "__main__.py").write_text(
            "import os, sys; print(bool(os.statvfs('/proc/self/exe').f_flag & os.ST_RDONLY), sys.argv[1:])"
        )
        done = subprocess.run(
            [sys.executable, "-IS", "-c", program, str(ROOT), str(folder)], capture_output=True, text=True, check=True
        )
    finally:
        (folder / "__main__.py").unlink()
        folder.rmdir()
    assert done.stdout in ("True ['a', 'b']\n", "already\n")
