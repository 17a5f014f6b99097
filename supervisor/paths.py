"""Where the supervisor keeps things: ROOT survives a reboot, STATE does not; one property per file or folder.

Folder names below them are containerd's, so that whoever knows the one finds things in the other.
"""

import os
from dataclasses import dataclass

DEFAULT_ROOT = "/var/lib/wherry/containerd"
DEFAULT_STATE = "/run/wherry/containerd"
DEFAULT_ADDRESS = "/run/wherry/containerd/containerd.sock"
DEFAULT_CONFIG = "/etc/wherry/config.toml"

_TASKS = "io.containerd.runtime.v2.task"
_SANDBOXES = "io.containerd.sandbox.controller.v1.shim"


@dataclass(frozen=True, slots=True)
class Paths:
    """All paths of one daemon."""

    root: str
    state: str

    @property
    def lock(self) -> str:
        return os.path.join(self.root, "daemon.lock")

    @property
    def metadata(self) -> str:
        return os.path.join(self.root, "io.containerd.metadata.v1.sqlite", "meta.db")

    @property
    def content(self) -> str:
        return os.path.join(self.root, "io.containerd.content.v1.content")

    def snapshotter(self, name: str) -> str:
        return os.path.join(self.root, f"io.containerd.snapshotter.v1.{name}")

    @property
    def work(self) -> str:
        return os.path.join(self.root, _TASKS)

    @property
    def bundles(self) -> str:
        return os.path.join(self.state, _TASKS)

    @property
    def sandbox_work(self) -> str:
        return os.path.join(self.root, _SANDBOXES)

    @property
    def sandbox_bundles(self) -> str:
        return os.path.join(self.state, _SANDBOXES)

    @property
    def identity(self) -> str:
        return os.path.join(self.root, "io.containerd.grpc.v1.introspection")

    def create(self) -> None:
        """Make the top folders: root closed to others, state passable, for containers in user namespaces."""
        os.makedirs(self.root, exist_ok=True)
        os.chmod(self.root, 0o700)
        os.makedirs(self.state, exist_ok=True)
        os.chmod(self.state, 0o711)  # noqa: S103
        os.makedirs(os.path.dirname(self.metadata), mode=0o700, exist_ok=True)
