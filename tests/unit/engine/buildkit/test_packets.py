"""Packets whose names are any bytes."""

import os
import stat

import pytest

from engine.buildkit.listing import Listing
from engine.buildkit.packets import decoded, stat_packet
from proto.errdefs import InvalidArgument

_LINK = 1 << 27


@pytest.mark.parametrize("name", [b"plain", "na\u00efve".encode(), b"a\xff\xfe", b"\xed\xb3\xbf"])
def test_names_are_what_they_are_both_ways(name: bytes) -> None:
    text = os.fsdecode(name)
    first = decoded(stat_packet(text, "", {"user.a": b"1"}, mode=0o644, size=3, modTime=5))
    second = decoded(stat_packet("\U0010ffff", text, {}, mode=_LINK | 0o777))

    listing = Listing()
    for packet in (first, second):
        assert packet.HasField("stat")
        listing.add(packet.stat)
    entry, link = listing.entries
    assert os.fsencode(entry.path) == os.fsencode(link.link) == name
    assert (entry.mode, entry.size, entry.mtime) == (stat.S_IFREG | 0o644, 3, 5)
    assert entry.attributes == '{"user.a": "31"}'


def test_a_packet_that_is_none_is_refused() -> None:
    for message in (b"\xff\xff", b"\x12\x05\x0a\x05ab"):
        with pytest.raises(InvalidArgument, match="cannot be read"):
            decoded(message)
