"""Metadata in the envelope."""

from proto.ttrpc.metadata import NAMESPACE, decode_metadata, encode_metadata, with_namespace
from proto.ttrpc.request_pb2 import KeyValue


def test_keys_are_lower_case_on_the_wire_and_the_first_value_counts() -> None:
    """A repeated key is a list."""
    pairs = encode_metadata({"Traceparent": "00-a"})
    assert pairs[0].key == "traceparent"
    assert decode_metadata([*pairs, KeyValue(key="traceparent", value="second")]) == {"traceparent": "00-a"}


def test_a_namespace_is_added_but_never_replaced() -> None:
    """The call's own word wins."""
    assert with_namespace("moby", {"a": "b"}) == {"a": "b", NAMESPACE: "moby"}
    assert with_namespace("moby", {NAMESPACE: "other"}) == {NAMESPACE: "other"}
    assert with_namespace(None) == {}
