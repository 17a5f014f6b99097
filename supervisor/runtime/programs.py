"""From a runtime's name to the shim's program: `io.containerd.runc.v2` is `containerd-shim-runc-v2`.

Looked for in PATH, then beside our own program. Our own shim is looked for beside us first: a supervisor and a shim of
two installations would else be mixed by whoever set PATH.
"""

import os
import shutil
import sys

from proto.errdefs import Fault, InvalidArgument

WHERRY = "io.containerd.wherry.v2"
_REMOVED = frozenset({"io.containerd.runc.v1", "io.containerd.runtime.v1.linux"})
_FORM = "correct runtime name should be either format like `io.containerd.runc.v2` or a full path to the binary"


def binary_name(runtime: str) -> str:
    """The program's name; empty for a name that is none."""
    parts = runtime.split(".")
    if len(parts) < 2 or not all(parts[-2:]):
        return ""
    return f"containerd-shim-{parts[-2]}-{parts[-1]}"


class ShimPrograms:
    """Finds shims; remembers what it found, since a create must not cost a walk along PATH."""

    def __init__(self, search: str | None = None, own_folders: tuple[str, ...] | None = None) -> None:
        self._search = search
        self._own_folders = own_folder_candidates() if own_folders is None else own_folders
        self._found: dict[str, str] = {}

    def resolve(self, runtime: str) -> str:
        """The absolute path of the runtime's shim; the errors are containerd's."""
        if runtime in _REMOVED:
            raise InvalidArgument(f"runtime {runtime} is not supported any more, use io.containerd.runc.v2")
        if not runtime:
            raise Fault("no runtime name")
        if os.path.isabs(runtime):
            if not os.path.exists(runtime):
                raise Fault(f"invalid custom binary path: stat {runtime}: no such file or directory")
            return runtime
        name = binary_name(runtime)
        if "/" in runtime or not name:
            raise Fault(f"invalid runtime name {runtime}, {_FORM}")
        known = self._found.get(name)
        if known is not None and os.path.exists(known):
            return known
        path = self._look_up(name, ours=runtime == WHERRY)
        if path is None:
            raise Fault(f'runtime "{runtime}" binary not installed "{name}": file does not exist')
        self._found[name] = path
        return path

    def _look_up(self, name: str, *, ours: bool) -> str | None:
        beside = [os.path.join(folder, name) for folder in self._own_folders]
        own = next((path for path in beside if os.access(path, os.X_OK)), None)
        installed = shutil.which(name, path=self._search)
        found = (own or installed) if ours else (installed or own)
        return os.path.abspath(found) if found else None


def own_folder_candidates() -> tuple[str, ...]:
    """Where our programs stand: in a checkout's deploy/bin, beside the one that runs, beside the interpreter."""
    checkout = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return (
        os.path.join(checkout, "deploy", "bin"),
        os.path.dirname(os.path.abspath(sys.argv[0])),
        os.path.dirname(os.path.abspath(sys.executable)),
    )
