"""What may be a name."""

import pytest

from proto.errdefs import InvalidArgument
from supervisor.core.identifiers import MAX_LENGTH, quoted, validate_identifier


@pytest.mark.parametrize("name", ["default", "Default", "k8s.io", "a-b_c.d", "0912341234", "x" * MAX_LENGTH])
def test_an_identifier_is_accepted(name: str) -> None:
    """Letters and digits, with single dots, dashes and underscores between them."""
    validate_identifier(name)


@pytest.mark.parametrize(
    "name",
    [".", "..", "foo/foo", "foo/..", "foo..foo", "foo.-boo", "-foo", "foo-", "foo__foo", "ä", "a\n", "a b", "a\0"],
)
def test_anything_else_is_refused(name: str) -> None:
    """Paths, doubled separators, other scripts, a newline at the end."""
    with pytest.raises(InvalidArgument, match="must match"):
        validate_identifier(name)


def test_empty_and_overlong_names_have_their_own_words() -> None:
    """As containerd's."""
    with pytest.raises(InvalidArgument, match="identifier must not be empty"):
        validate_identifier("")
    with pytest.raises(InvalidArgument, match=r"greater than maximum length \(76 characters\)"):
        validate_identifier("x" * 77)


def test_names_are_quoted_as_go_does() -> None:
    """Quotes and backslashes are escaped, other scripts stay."""
    assert quoted('a"b\\ü') == '"a\\"b\\\\ü"'
