"""A containerd of its own for a test: private folders, no CRI unless it is configured, ended by its pid."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

CONFIG = """\
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
"""


class Containerd:
    """Debian's containerd, or another program of that name."""

    def __init__(
        self,
        folder: Path,
        program: str = "containerd",
        config: str = CONFIG,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.address = str(folder / "c.sock")
        self._program = program
        self._config = config
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Containerd":
        config = self.folder / "config.toml"
        config.write_text(self._config)
        words = ["--config", str(config), "--root", str(self.folder / "root"), "--state", str(self.folder / "state")]
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [self._program, *words, "-a", self.address], stdout=log, stderr=log, env=self._environment
            )
        for _ in range(100):
            done = subprocess.run(["ctr", "-a", self.address, "version"], capture_output=True, check=False)
            if done.returncode == 0:
                return self
            time.sleep(0.1)
        self.__exit__(None, None, None)
        raise AssertionError((self.folder / "log").read_text())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=20)
