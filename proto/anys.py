"""Any ⇄ typed values under containerd's type URLs.

containerd writes type URLs bare (`containerd.events.TaskExit`), without the `type.googleapis.com/` prefix, and puts
OCI documents in an Any as JSON under URLs of their own. Both forms are read; the bare one is written.
"""

import json

from google.protobuf import any_pb2
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from proto.errdefs import InvalidArgument, NotFound

SPEC = "types.containerd.io/opencontainers/runtime-spec/1/Spec"
PROCESS = "types.containerd.io/opencontainers/runtime-spec/1/Process"
LINUX_RESOURCES = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources"

_JSON_PREFIX = "types.containerd.io/"
_GOOGLE_PREFIX = "type.googleapis.com/"


def type_name(any_value: any_pb2.Any) -> str:
    """The type URL without a host part."""
    return any_value.type_url.removeprefix(_GOOGLE_PREFIX)


def pack(message: Message) -> any_pb2.Any:
    """A message in an Any, under its bare full name."""
    return any_pb2.Any(type_url=message.DESCRIPTOR.full_name, value=message.SerializeToString())


def pack_json(type_url: str, document: object) -> any_pb2.Any:
    """A JSON document in an Any."""
    return any_pb2.Any(type_url=type_url, value=json.dumps(document, separators=(",", ":")).encode())


def unpack_json(any_value: any_pb2.Any) -> dict[str, object]:
    """The JSON object in an Any; raises InvalidArgument when it holds none."""
    try:
        document = json.loads(any_value.value)
    except ValueError as error:
        raise InvalidArgument(f"{any_value.type_url or 'value'} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidArgument(f"{any_value.type_url or 'value'} is not a JSON object")
    return document


def unpack(any_value: any_pb2.Any) -> Message | dict[str, object]:
    """The value in an Any: a message whose module is imported, or a JSON document.

    Raises NotFound for a type nobody here knows, InvalidArgument for bytes that are not of their type.
    """
    if any_value.type_url.startswith(_JSON_PREFIX):
        return unpack_json(any_value)
    name = type_name(any_value)
    try:
        descriptor = Default().FindMessageTypeByName(name)
    except KeyError as error:
        raise NotFound(f"type with url {any_value.type_url}: not found") from error
    try:
        return GetMessageClass(descriptor).FromString(any_value.value)
    except DecodeError as error:
        raise InvalidArgument(f"{name}: {error}") from error
