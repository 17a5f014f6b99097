"""Id mappings as text."""

import pytest

from proto.errdefs import InvalidArgument
from shim import idmap


def test_a_map_becomes_the_kernels_lines() -> None:
    """One per entry."""
    assert idmap.parse_map("0:100000:65536,65536:5:1") == "0 100000 65536\n65536 5 1\n"


@pytest.mark.parametrize("text", ["", "0:1", "0:1:-1", "a:b:c", "0:1:²"])
def test_anything_else_is_refused(text: str) -> None:
    """Before it reaches the kernel."""
    with pytest.raises(InvalidArgument, match="invalid id mapping"):
        idmap.parse_map(text)


def test_layers_need_a_common_parent_that_is_not_the_root() -> None:
    """The whole host would be in the view."""
    with (
        pytest.raises(InvalidArgument, match="invalid common directory"),
        idmap.mapped_layers(["/a", "/b"], "0:1:1", "0:1:1"),
    ):
        pass
    with pytest.raises(InvalidArgument, match="lowerdir"), idmap.mapped_layers([], "0:1:1", "0:1:1"):
        pass
