"""The criu that works on this machine, for tests that checkpoint; Debian 12's fails its own check on newer kernels."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

_PEERS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin"


@cache
def find_criu() -> tuple[str, str]:
    """(the program, "") of the first that passes `criu check`, or ("", why there is none)."""
    found = [path for path in (shutil.which("criu"), shutil.which("criu", path=str(_PEERS))) if path]
    for path in dict.fromkeys(found):
        if subprocess.run([path, "check"], capture_output=True, timeout=60, check=False).returncode == 0:
            return path, ""
    return "", "needs a criu that passes `criu check`" + (f" ({', '.join(found)} did not)" if found else "")


def path_with_criu() -> str:
    """PATH with a criu that works, and nothing else of where it lies; skips the test where there is none."""
    program, why = find_criu()
    if not program:
        pytest.skip(why)
    return f"{Path(program).parent}:{os.environ['PATH']}"
