"""Domain ⇄ protobuf: what requests mean, and how answers are written."""

from collections.abc import Iterable

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from proto import anys
from proto.containerd.runtime.task.v2 import shim_pb2
from proto.containerd.types import mount_pb2
from proto.containerd.types.runc.options import oci_pb2
from proto.containerd.types.task import task_pb2
from proto.errdefs import InvalidArgument, NotFound
from shim.options import RuntimeOptions, field_names
from shim.reaper import Exit
from shim.rootfs import Mount
from shim.states import State
from shim.stdio import StdioSpec

_STATUS = {
    State.CREATED: task_pb2.CREATED,
    State.RUNNING: task_pb2.RUNNING,
    State.PAUSED: task_pb2.PAUSED,
    State.STOPPED: task_pb2.STOPPED,
    State.DELETED: task_pb2.STOPPED,
}
_GO_ZERO_SECONDS = -62135596800  # time.Time{} of Go: what its clients take as "never"
_OPTIONS = oci_pb2.Options.DESCRIPTOR.full_name
_GENERIC_OPTIONS = "runtimeoptions.v1.Options"


def timestamp(nanoseconds: int) -> Timestamp:
    """A time since the epoch."""
    seconds, nanos = divmod(nanoseconds, 1_000_000_000)
    return Timestamp(seconds=seconds, nanos=nanos)


def exit_time(exit_: Exit | None) -> Timestamp:
    """When a process ended, or Go's zero time."""
    return timestamp(exit_.at) if exit_ is not None else Timestamp(seconds=_GO_ZERO_SECONDS)


def status_to_proto(state: State) -> "task_pb2.Status":
    """A state as the wire's number."""
    return _STATUS[state]


def mount_to_proto(mount: Mount) -> mount_pb2.Mount:
    """A mount, as it was given."""
    return mount_pb2.Mount(type=mount.type, source=mount.source, target=mount.target, options=mount.options)


def mounts_from_proto(mounts: Iterable[mount_pb2.Mount]) -> list[Mount]:
    """Create.rootfs."""
    return [Mount(mount.type, mount.source, mount.target, mount.options) for mount in mounts]


def options_from_proto(value: Any) -> RuntimeOptions:
    """Create.options; none are defaults. Raises NotFound for a type that no option of ours has."""
    name = anys.type_name(value)
    if name in ("", _GENERIC_OPTIONS):
        return RuntimeOptions()
    if name != _OPTIONS:
        raise NotFound(f"type with url {value.type_url}: not found")
    try:
        message = oci_pb2.Options.FromString(value.value)
    except DecodeError as error:
        raise InvalidArgument(f"{name}: {error}") from error
    return RuntimeOptions(**{field: getattr(message, field) for field in field_names()})


def stdio_from_create(request: shim_pb2.CreateTaskRequest | shim_pb2.ExecProcessRequest) -> StdioSpec:
    """The streams a request names."""
    return StdioSpec(request.stdin, request.stdout, request.stderr, request.terminal)


def process_info(pid: int, exec_id: str) -> task_pb2.ProcessInfo:
    """One entry of Pids; an exec is named in its details."""
    if not exec_id:
        return task_pb2.ProcessInfo(pid=pid)
    return task_pb2.ProcessInfo(pid=pid, info=anys.pack(oci_pb2.ProcessDetails(exec_id=exec_id)))


def exec_document(spec: Any, terminal: bool) -> bytes:
    """The OCI process of an Exec, its terminal as the request says."""
    document = anys.unpack_json(spec)
    document["terminal"] = terminal
    return anys.pack_json(anys.PROCESS, document).value


def checkpoint_flags(options: oci_pb2.CheckpointOptions) -> list[str]:
    """The runtime's words for what may be in the way of a checkpoint."""
    words = {
        "--tcp-established": options.open_tcp,
        "--ext-unix-sk": options.external_unix_sockets,
        "--shell-job": options.terminal,
        "--file-locks": options.file_locks,
    }
    return [word for word, wanted in words.items() if wanted]
