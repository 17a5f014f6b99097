"""A configuration below a temporary folder, for a daemon that a test runs in its own process, as any user."""

import os
from pathlib import Path

from supervisor.config import Config, Socket


def private_config(folder: Path) -> Config:
    return Config(
        root=str(folder / "root"),
        state=str(folder / "state"),
        grpc=Socket(str(folder / "s.sock"), os.getuid(), os.getgid()),
        debug=Socket(str(folder / "debug.sock"), os.getuid(), os.getgid()),
    )
