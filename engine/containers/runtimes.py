"""Docker's runtime names → the supervisor's runtime and its options.

`wherry` and `lowrt` are our shim with its own runtime; `runc`, `crun` and configured paths are our shim running
that binary; `io.containerd.*` is that shim, whatever it is.
"""

import functools
import json
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import any_pb2

from proto.containerd.types.runc.options import oci_pb2
from proto.errdefs import InvalidArgument

logger = logging.getLogger(__name__)

OUR_SHIM = "io.containerd.wherry.v2"
_RUNC_SHIMS = "io.containerd.runc."
_CONTAINERD_NAME = re.compile(r"^io\.containerd\.[a-zA-Z0-9_.-]+$")


@dataclass(frozen=True, slots=True)
class Runtime:
    """One entry."""

    shim: str
    binary: str = ""

    @property
    def ours(self) -> bool:
        """Our shim keeps streams and log itself."""
        return self.shim == OUR_SHIM

    @property
    def options(self) -> any_pb2.Any | None:
        """The runtime options for the container's record."""
        if not self.binary:
            return None
        message = oci_pb2.Options(binary_name=self.binary)
        return any_pb2.Any(type_url="containerd.runc.v1.Options", value=message.SerializeToString())

    def restoring(self, image: str) -> any_pb2.Any:
        """The options of a task that is restored from a folder of criu's images."""
        if not self.ours and not self.shim.startswith(_RUNC_SHIMS):
            raise InvalidArgument(f"runtime {self.shim} cannot restore a checkpoint")
        message = oci_pb2.Options(binary_name=self.binary, criu_image_path=image)
        return any_pb2.Any(type_url="containerd.runc.v1.Options", value=message.SerializeToString())


class Runtimes:
    """The table: built in and configured."""

    def __init__(self, configured: Mapping[str, Mapping[str, Any]], default: str) -> None:
        self._table = {"wherry": Runtime(OUR_SHIM), "lowrt": Runtime(OUR_SHIM)}
        for name in ("runc", "crun"):
            if path := shutil.which(name):
                self._table[name] = Runtime(OUR_SHIM, path)
        self._table |= {name: _configured(name, entry) for name, entry in configured.items()}
        self.default = default
        if not self.known(default):
            raise InvalidArgument(f"specified default runtime '{default}' does not exist")

    def known(self, name: str) -> bool:
        """Can a container ask for it."""
        return name in self._table or bool(_CONTAINERD_NAME.match(name))

    def find(self, name: str) -> Runtime:
        """By Docker's name; empty means the default."""
        name = name or self.default
        if name in self._table:
            return self._table[name]
        if _CONTAINERD_NAME.match(name):
            return Runtime(name)
        raise InvalidArgument(f"unknown or invalid runtime name: {name}")

    @property
    def names(self) -> list[str]:
        """All that are built in or configured."""
        return sorted(self._table)

    def has_mount_option(self, name: str, option: str) -> bool:
        """Can the runtime's program do that to mounts: its `features` say so. Ours can."""
        runtime = self.find(name)
        if runtime.ours and not runtime.binary:
            return True
        binary = runtime.binary or (shutil.which("runc") if runtime.shim.startswith(_RUNC_SHIMS) else None)
        return binary is not None and option in _mount_options(binary)

    def to_info(self) -> dict[str, dict[str, Any]]:
        """For `docker info`."""
        return {
            name: {"path": runtime.binary} if runtime.binary else {"path": "", "runtimeType": runtime.shim}
            for name, runtime in self._table.items()
        }


@functools.cache
def _mount_options(binary: str) -> frozenset[str]:
    """`features` of an OCI runtime; nothing where it has no such command."""
    try:
        done = subprocess.run([binary, "features"], capture_output=True, timeout=10, check=True)
        return frozenset(json.loads(done.stdout)["mountOptions"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        logger.debug("features of runtime %s: %s", binary, error)
        return frozenset()


def _configured(name: str, entry: Mapping[str, Any]) -> Runtime:
    unknown = set(entry) - {"path", "runtimeType", "runtimeArgs", "options"}
    if unknown or entry.get("runtimeArgs") or (entry.get("options") and set(entry["options"]) - {"BinaryName"}):
        raise InvalidArgument(f"runtime {name}: only path, runtimeType and options.BinaryName are built")
    binary = (entry.get("options") or {}).get("BinaryName") or entry.get("path") or ""
    if entry.get("path") and entry.get("runtimeType"):
        raise InvalidArgument(f"runtime '{name}' has both runtimeType and path configured")
    if not binary and not entry.get("runtimeType"):
        raise InvalidArgument(f"runtime {name}: either a path or a runtimeType is needed")
    if binary and os.sep not in binary:
        binary = shutil.which(binary) or binary
    return Runtime(entry.get("runtimeType") or OUR_SHIM, binary)
