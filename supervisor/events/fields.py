"""How a filter looks into an event: `event.container_id`, `event.labels.<key>`, `event.runtime.name`."""

from collections.abc import Sequence
from functools import cache

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from supervisor.core.events import Envelope
from supervisor.core.filters import Adaptor, present
from supervisor.core.typed import TypedValue


def adapt_envelope(envelope: Envelope) -> Adaptor:
    """Decodes the event only when a filter asks for one of its fields, and only once."""
    decoded: list[Message | None] = []

    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["namespace", *_]:
                return present(envelope.namespace)
            case ["topic", *_]:
                return present(envelope.topic)
            case ["event", *rest]:
                if not decoded:
                    decoded.append(_decode(envelope.event))
                return message_field(decoded[0], rest)
        return None

    return field


def message_field(message: Message | None, path: Sequence[str]) -> str | None:
    """A string field or a key of a map of strings, also inside messages; no other field can be filtered by."""
    if message is None or not path:
        return None
    descriptor = _fields(message.DESCRIPTOR.full_name).get(path[0])
    if descriptor is None:
        return None
    value = getattr(message, descriptor.name)
    if descriptor.message_type is not None and descriptor.message_type.GetOptions().map_entry:
        found = value.get(".".join(path[1:]))
        return found if isinstance(found, str) else None
    if isinstance(value, Message):
        return message_field(value, path[1:]) if message.HasField(descriptor.name) else None
    return present(value) if isinstance(value, str) else None


@cache
def _fields(full_name: str) -> dict[str, FieldDescriptor]:
    """By the names filters use: as in the file, without regard to underscores (`mediaType`, `container_id`)."""
    fields = {}
    for field in Default().FindMessageTypeByName(full_name).fields:
        fields[field.name] = fields[field.name.replace("_", "").lower()] = field
    return fields


def _decode(event: TypedValue) -> Message | None:
    try:
        descriptor = Default().FindMessageTypeByName(event.type_url.rpartition("/")[2])
        return GetMessageClass(descriptor).FromString(event.value)
    except (KeyError, DecodeError):
        return None
