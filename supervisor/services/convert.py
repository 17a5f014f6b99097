"""Types that several services share: domain ⇄ protobuf."""

from collections.abc import Iterable

from google.protobuf.any_pb2 import Any
from google.protobuf.timestamp_pb2 import Timestamp

from proto.containerd.types import descriptor_pb2, event_pb2, mount_pb2, platform_pb2
from supervisor.core.digests import Descriptor, Platform
from supervisor.core.events import Envelope
from supervisor.core.snapshots import Mount
from supervisor.core.typed import TypedValue


def timestamp_to_proto(nanoseconds: int) -> Timestamp:
    seconds, nanos = divmod(nanoseconds, 1_000_000_000)
    return Timestamp(seconds=seconds, nanos=nanos)


def timestamp_from_proto(timestamp: Timestamp) -> int:
    return timestamp.seconds * 1_000_000_000 + timestamp.nanos


def typed_to_proto(value: TypedValue) -> Any:
    return Any(type_url=value.type_url, value=value.value)


def optional_to_proto(value: TypedValue | None) -> Any | None:
    return None if value is None else typed_to_proto(value)


def typed_from_proto(value: Any) -> TypedValue:
    return TypedValue(value.type_url, value.value)


def descriptor_to_proto(descriptor: Descriptor) -> descriptor_pb2.Descriptor:
    return descriptor_pb2.Descriptor(
        media_type=descriptor.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
        annotations=descriptor.annotations,
    )


def descriptor_from_proto(descriptor: descriptor_pb2.Descriptor) -> Descriptor:
    return Descriptor(descriptor.media_type, descriptor.digest, descriptor.size, dict(descriptor.annotations))


def mounts_to_proto(mounts: Iterable[Mount]) -> list[mount_pb2.Mount]:
    return [
        mount_pb2.Mount(type=mount.type, source=mount.source, target=mount.target, options=mount.options)
        for mount in mounts
    ]


def mounts_from_proto(mounts: Iterable[mount_pb2.Mount]) -> list[Mount]:
    return [Mount(mount.type, mount.source, tuple(mount.options), mount.target) for mount in mounts]


def platform_to_proto(platform: Platform) -> platform_pb2.Platform:
    return platform_pb2.Platform(
        os=platform.os,
        architecture=platform.architecture,
        variant=platform.variant,
        os_version=platform.os_version,
    )


def platform_from_proto(platform: platform_pb2.Platform) -> Platform:
    return Platform(platform.os, platform.architecture, platform.variant, platform.os_version)


def envelope_to_proto(envelope: Envelope) -> event_pb2.Envelope:
    return event_pb2.Envelope(
        timestamp=timestamp_to_proto(envelope.timestamp),
        namespace=envelope.namespace,
        topic=envelope.topic,
        event=typed_to_proto(envelope.event),
    )


def envelope_from_proto(envelope: event_pb2.Envelope) -> Envelope:
    return Envelope(
        timestamp_from_proto(envelope.timestamp),
        envelope.namespace,
        envelope.topic,
        typed_from_proto(envelope.event),
    )
