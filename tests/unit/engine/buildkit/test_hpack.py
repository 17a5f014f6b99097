"""Header blocks: RFC 7541's own examples, and blocks that lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.buildkit import hpack
from engine.buildkit.hpack import Decoder, Malformed

_HEADERS = [
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
    [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "www.example.com"),
        ("cache-control", "no-cache"),
    ],
    [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ],
]


@pytest.mark.parametrize(
    "blocks",
    [
        ("828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
         "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"),
        ("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
         "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"),
    ],
    ids=["plain", "huffman"],
)  # fmt: skip
def test_one_decoder_reads_the_examples_of_the_standard(blocks: tuple[str, ...]) -> None:
    decoder = Decoder()

    assert [decoder.decode(bytes.fromhex(block)) for block in blocks] == _HEADERS


@given(st.lists(st.tuples(st.text(max_size=300), st.text(max_size=300)), max_size=20))
def test_what_is_encoded_is_decoded_again(headers: list[tuple[str, str]]) -> None:
    assert Decoder().decode(hpack.encode(headers)) == headers


@given(st.binary(max_size=200))
def test_any_bytes_are_headers_or_malformed(block: bytes) -> None:
    try:
        Decoder().decode(block)
    except Malformed:
        pass


@pytest.mark.parametrize(
    "block", ["ff", "80", "be", "00", "0005616263", "3fffffffff0f", "ffffffffffff7f", "0001618101", "00016183ffffff"]
)
def test_a_block_that_ends_early_or_points_nowhere_is_malformed(block: str) -> None:
    with pytest.raises(Malformed):
        Decoder().decode(bytes.fromhex(block))


def test_a_short_block_that_names_a_large_header_again_and_again_is_malformed() -> None:
    large = b"\x40\x01a\x7f" + bytes((2000 - 127 & 127 | 128, 2000 - 127 >> 7)) + b"x" * 2000
    decoder = Decoder()
    decoder.decode(large)

    with pytest.raises(Malformed, match="larger than 65536"):
        decoder.decode(b"\xbe" * 1000)


def test_headers_that_no_longer_fit_are_forgotten_oldest_first() -> None:
    decoder = Decoder()
    for letter in b"abc":
        value = b"x" * 1900
        decoder.decode(
            b"\x40\x01" + bytes((letter,)) + b"\x7f" + bytes((1900 - 127 & 127 | 128, 1900 - 127 >> 7)) + value
        )

    assert [name for name, _ in decoder.decode(b"\xbe\xbf")] == ["c", "b"]
    with pytest.raises(Malformed):
        decoder.decode(b"\xc0")
