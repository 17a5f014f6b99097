"""A containerd of its own for a test: private folders, no CRI, ended by its pid."""

import subprocess
import time
from pathlib import Path
from types import TracebackType

CONFIG = """\
version = 2
root = "{root}"
state = "{state}"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{address}"
[ttrpc]
  address = "{address}.ttrpc"
"""


class Containerd:
    """Debian's containerd, or another program of that name."""

    def __init__(self, folder: Path, program: str = "containerd") -> None:
        self.folder = folder
        self.address = str(folder / "c.sock")
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Containerd":
        config = self.folder / "config.toml"
        config.write_text(CONFIG.format(root=self.folder / "root", state=self.folder / "state", address=self.address))
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen([self._program, "--config", str(config)], stdout=log, stderr=log)
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
