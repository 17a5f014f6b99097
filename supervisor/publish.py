"""`publish`: one event from the command line into a daemon's exchange, for shims that know no better way."""

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

from proto.containerd.services.events.v1.events_pb2 import PublishRequest
from proto.containerd.services.events.v1.events_pb2_grpc import EventsStub

_TIMEOUT = 5.0


def publish(address: str, namespace: str, topic: str, payload: bytes) -> str | None:
    """Publish; returns what went wrong, if anything."""
    try:
        event = Any.FromString(payload)
    except DecodeError as error:
        return f"stdin is not an Any: {error}"
    with grpc.insecure_channel(f"unix://{address.removeprefix('unix://')}") as channel:
        try:
            EventsStub(channel).Publish(
                PublishRequest(topic=topic, event=event),
                metadata=(("containerd-namespace", namespace),),
                timeout=_TIMEOUT,
            )
        except grpc.RpcError as error:
            return str(error.details())
    return None
