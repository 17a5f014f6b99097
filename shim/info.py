"""`-info`: what this shim is and what its OCI runtime can do, asked before any container exists."""

import subprocess
import sys
from collections.abc import Callable

from google.protobuf.any_pb2 import Any

from proto.containerd.types import introspection_pb2
from shim import __version__
from shim.convert import options_from_proto
from shim.spawn import find_runtime
from shim.start import read_input

NAME = "io.containerd.wherry.v2"
FEATURES = "types.containerd.io/opencontainers/runtime-spec/1/features/Features"
_FEATURES_SECONDS = 10


def main() -> int:
    """RuntimeInfo on stdout for the options Any on stdin."""
    options = Any.FromString(read_input(0))
    sys.stdout.buffer.write(describe(options, _ask_runtime).SerializeToString())
    sys.stdout.buffer.flush()
    return 0


def describe(options: Any, ask: Callable[[str], bytes]) -> introspection_pb2.RuntimeInfo:
    """The answer; `ask(program)` gives the runtime's features document, empty when it has no such verb."""
    info = introspection_pb2.RuntimeInfo(name=NAME)
    info.version.version = __version__
    if options.type_url:
        info.options.CopyFrom(options)
    features = ask(find_runtime(options_from_proto(options).binary_name))
    if features:
        info.features.CopyFrom(Any(type_url=FEATURES, value=features))
    return info


def _ask_runtime(program: str) -> bytes:
    try:
        done = subprocess.run([program, "features"], capture_output=True, timeout=_FEATURES_SECONDS, check=False)
    except FileNotFoundError as error:
        raise OSError(f'failed to look up the path of "{program}": executable file not found in $PATH') from error
    return done.stdout if done.returncode == 0 else b""
