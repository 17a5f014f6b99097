"""What a runtime can do, asked of its shim by `-info`: dockerd and CRI want the features of the runtime behind it.

The answer depends on the shim's file and the options alone, so each is asked once: the call blocks, and its callers
come one after another.
"""

import os
import subprocess

from google.protobuf.message import DecodeError

from proto.containerd.types.introspection_pb2 import RuntimeInfo, RuntimeRequest
from proto.errdefs import Fault, InvalidArgument, Unimplemented
from supervisor.core.typed import TypedValue
from supervisor.runtime.programs import ShimPrograms

_TIMEOUT = 10.0


class RuntimeInfos:
    """Answers PluginInfo of the plugin io.containerd.runtime.v2.task."""

    def __init__(self, programs: ShimPrograms) -> None:
        self._programs = programs
        self._known: dict[tuple[str, int, bytes], TypedValue] = {}

    def __call__(self, question: TypedValue) -> TypedValue:
        """A RuntimeRequest in, a RuntimeInfo out."""
        if not question.type_url.endswith(RuntimeRequest.DESCRIPTOR.full_name):
            raise Unimplemented(f"unknown request type {question.type_url}: not implemented")
        try:
            request = RuntimeRequest.FromString(question.value)
        except DecodeError as error:
            raise InvalidArgument(f"malformed RuntimeRequest: {error}") from error
        try:
            program = self._programs.resolve(request.runtime_path)
        except Fault as fault:
            raise type(fault)(f"failed to resolve runtime path: {fault}") from fault
        options = request.options.SerializeToString() if request.HasField("options") else b""
        key = (program, os.stat(program).st_mtime_ns, options)
        if key not in self._known:
            self._known[key] = _ask(program, options)
        return self._known[key]


def _ask(program: str, options: bytes) -> TypedValue:
    words = f"failed to run [{program} -info]"
    try:
        done = subprocess.run([program, "-info"], input=options, capture_output=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Fault(f"{words}: {error}") from error
    if done.returncode != 0:
        raise Fault(f"{words}: exit status {done.returncode} (stderr: {done.stderr.decode(errors='replace')!r})")
    try:
        info = RuntimeInfo.FromString(done.stdout)
    except DecodeError as error:
        raise Fault(f"failed to unmarshal stdout from [{program} -info]: {error}") from error
    return TypedValue(RuntimeInfo.DESCRIPTOR.full_name, info.SerializeToString())
