"""What Create and Checkpoint ask for, without protobuf."""

from collections.abc import Sequence

from shim.options import RuntimeOptions
from shim.rootfs import Mount
from shim.stdio import StdioSpec


class CreateSpec:
    """What Create asks for."""

    __slots__ = ("bundle", "checkpoint", "id", "mounts", "options", "parent_checkpoint", "stdio")

    def __init__(
        self,
        container_id: str,
        bundle: str,
        mounts: Sequence[Mount],
        stdio: StdioSpec,
        options: RuntimeOptions,
        checkpoint: str = "",
        parent_checkpoint: str = "",
    ) -> None:
        self.id = container_id
        self.bundle = bundle
        self.mounts = mounts
        self.stdio = stdio
        self.options = options
        self.checkpoint = checkpoint
        self.parent_checkpoint = parent_checkpoint


class CheckpointSpec:
    """What Checkpoint asks for; `flags` are the runtime's own words."""

    __slots__ = ("empty_namespaces", "exit", "flags", "image", "parent", "work")

    def __init__(
        self, image: str, work: str, *, exit_: bool, flags: list[str], empty_namespaces: list[str], parent: str
    ) -> None:
        self.image = image
        self.work = work
        self.exit = exit_
        self.flags = flags
        self.empty_namespaces = empty_namespaces
        self.parent = parent
