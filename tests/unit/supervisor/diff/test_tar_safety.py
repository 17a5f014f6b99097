import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.errdefs import InvalidArgument
from supervisor.diff.tar_safety import clean, may_set, whiteout_target


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (b"a/b", (b"a", b"b")),
        (b"/a/b/", (b"a", b"b")),
        (b"../../a", (b"a",)),
        (b"a/../../b", (b"b",)),
        (b"./.", ()),
        (b"..", ()),
        (b"a//b/./c", (b"a", b"b", b"c")),
    ],
)
def test_a_name_is_cleaned_by_its_text_and_never_climbs_out(name: bytes, parts: tuple[bytes, ...]) -> None:
    assert clean(name) == parts


@given(st.binary(max_size=80))
def test_no_name_whatsoever_keeps_a_step_upwards(name: bytes) -> None:
    assert not {b"", b".", b".."} & set(clean(name))
    assert all(b"/" not in part for part in clean(name))


def test_a_whiteout_names_what_it_hides() -> None:
    assert whiteout_target(b".wh.etc") == b"etc"
    assert whiteout_target(b"etc") is None


@pytest.mark.parametrize("name", [b".wh.", b".wh..", b".wh..."])
def test_a_whiteout_of_nothing_or_of_a_step_is_refused(name: bytes) -> None:
    with pytest.raises(InvalidArgument, match="invalid whiteout name"):
        whiteout_target(name)


def test_overlayfs_orders_are_not_taken_from_archives() -> None:
    assert may_set(b"user.mime_type")
    assert may_set(b"security.capability")
    assert not may_set(b"trusted.overlay.redirect")
    assert not may_set(b"user.overlay.opaque")
