"""What travels beside a call: keys, and their form in a Request."""

from collections.abc import Iterable, Mapping

from proto.ttrpc.request_pb2 import KeyValue

NAMESPACE = "containerd-namespace-ttrpc"
TRACEPARENT = "traceparent"

Metadata = Mapping[str, str]


def encode_metadata(metadata: Metadata) -> list[KeyValue]:
    """Key-value pairs for the envelope; keys are lower case on the wire."""
    return [KeyValue(key=key.lower(), value=value) for key, value in metadata.items()]


def decode_metadata(pairs: Iterable[KeyValue]) -> dict[str, str]:
    """The first value of each key: a repeated key is a list, of which this project needs only the head."""
    found: dict[str, str] = {}
    for pair in pairs:
        found.setdefault(pair.key.lower(), pair.value)
    return found


def with_namespace(namespace: str | None, metadata: Metadata | None = None) -> dict[str, str]:
    """A call's metadata, with the containerd namespace where one is given."""
    merged = dict(metadata or {})
    if namespace is not None:
        merged.setdefault(NAMESPACE, namespace)
    return merged
