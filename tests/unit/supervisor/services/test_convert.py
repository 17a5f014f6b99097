"""Domain ⇄ protobuf: there and back."""

from supervisor.core.digests import Descriptor, Platform
from supervisor.core.events import Envelope
from supervisor.core.snapshots import Mount
from supervisor.core.typed import TypedValue
from supervisor.services import convert


def test_nothing_is_lost_on_the_way() -> None:
    """Nanoseconds, options, annotations."""
    when = 1_700_000_000_123_456_789
    assert convert.timestamp_from_proto(convert.timestamp_to_proto(when)) == when
    typed = TypedValue("t", b"\xff")
    assert convert.typed_from_proto(convert.typed_to_proto(typed)) == typed
    descriptor = Descriptor("m", "d", 7, {"a": "1"})
    assert convert.descriptor_from_proto(convert.descriptor_to_proto(descriptor)) == descriptor
    mounts = [Mount("overlay", "overlay", ("a", "b=c"), "sub")]
    assert convert.mounts_from_proto(convert.mounts_to_proto(mounts)) == mounts
    platform = Platform("linux", "arm64", "v8", "1")
    assert convert.platform_from_proto(convert.platform_to_proto(platform)) == platform
    envelope = Envelope(when, "ns", "/t", typed)
    assert convert.envelope_from_proto(convert.envelope_to_proto(envelope)) == envelope


def test_an_optional_value_may_be_missing() -> None:
    """An unset field stays unset."""
    assert convert.optional_to_proto(None) is None
    assert convert.timestamp_from_proto(convert.timestamp_to_proto(0)) == 0
