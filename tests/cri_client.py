"""As much of the kubelet's protocol (CRI, runtime.v1) as a test of pods needs: messages made from a table of fields.

The numbers are those of k8s.io/cri-api; whatever a message has beyond them is left out, which protobuf allows.
"""

from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "int32": _Field.TYPE_INT32,
    "uint32": _Field.TYPE_UINT32,
    "int64": _Field.TYPE_INT64,
}
_PACKAGE = "runtime.v1"
_TABLE = """
PodSandboxMetadata: string name 1, string uid 2, string namespace 3, uint32 attempt 4
NamespaceOption: int32 network 1, int32 pid 2, int32 ipc 3
LinuxSandboxSecurityContext: NamespaceOption namespace_options 1
LinuxPodSandboxConfig: string cgroup_parent 1, LinuxSandboxSecurityContext security_context 2
PodSandboxConfig: PodSandboxMetadata metadata 1, string log_directory 3, LinuxPodSandboxConfig linux 8
RunPodSandboxRequest: PodSandboxConfig config 1, string runtime_handler 2
RunPodSandboxResponse: string pod_sandbox_id 1
ContainerMetadata: string name 1, uint32 attempt 2
ImageSpec: string image 1
LinuxContainerSecurityContext: NamespaceOption namespace_options 3
LinuxContainerConfig: LinuxContainerSecurityContext security_context 2
ContainerConfig: ContainerMetadata metadata 1, ImageSpec image 2, string* command 3, string log_path 11,
    LinuxContainerConfig linux 15
CreateContainerRequest: string pod_sandbox_id 1, ContainerConfig config 2, PodSandboxConfig sandbox_config 3
CreateContainerResponse: string container_id 1
Named: string id 1
StopContainerRequest: string container_id 1, int64 timeout 2
Nothing:
ExecSyncRequest: string container_id 1, string* cmd 2, int64 timeout 3
ExecSyncResponse: bytes stdout 1, bytes stderr 2, int32 exit_code 3
ContainerStatus: string id 1, int32 state 3, int32 exit_code 7
ContainerStatusResponse: ContainerStatus status 1
"""

HOST = 2  # NamespaceMode.NODE
EXITED = 2  # ContainerState.CONTAINER_EXITED


def _messages() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="tests/cri.proto", package=_PACKAGE, syntax="proto3")
    for line in _TABLE.replace("\n    ", " ").strip().splitlines():
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name)
        for field in filter(None, (part.strip() for part in fields.split(","))):
            kind, label, number = field.split()
            added = message.field.add(name=label, number=int(number))
            added.label = _Field.LABEL_REPEATED if kind.endswith("*") else _Field.LABEL_OPTIONAL
            kind = kind.removesuffix("*")
            added.type = _KINDS.get(kind, _Field.TYPE_MESSAGE)
            if kind not in _KINDS:
                added.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _messages()


def message(name: str, **fields: Any) -> Any:
    """A message; nested ones as dicts."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))(**fields)


class Cri:
    """A runtime's service at a socket."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(f"unix:{address}")

    def call(self, method: str, request: Any, answer: str = "Nothing") -> Any:
        """One call."""
        rpc = self._channel.unary_unary(
            f"/{_PACKAGE}.RuntimeService/{method}",
            lambda one: one.SerializeToString(),
            type(message(answer)).FromString,
        )
        return rpc(request, timeout=60)

    def close(self) -> None:
        """End the connection."""
        self._channel.close()
