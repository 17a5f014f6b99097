"""Whose call this is."""

import pytest

from proto.errdefs import FailedPrecondition, InvalidArgument
from supervisor.server.namespace import header, namespace_of
from tests.fakes.grpc_context import Context


def test_the_namespace_is_in_the_metadata() -> None:
    """The first one counts."""
    assert namespace_of(Context("a")) == "a"
    context = Context("new")
    context.metadata.append(("containerd-namespace", "old"))
    assert namespace_of(context) == "new"


def test_a_call_without_one_is_refused() -> None:
    """So is one with nonsense."""
    with pytest.raises(FailedPrecondition, match="namespace is required: failed precondition"):
        namespace_of(Context(""))
    with pytest.raises(InvalidArgument, match=r'namespace validation: identifier "\.\./x" must match'):
        namespace_of(Context("../x"))


def test_a_header_may_be_bytes_or_missing() -> None:
    """Or there may be no metadata at all."""
    assert header([("k", b"v")], "k") == "v"
    assert header([("k", "v")], "other") == ""
    assert header(None, "k") == ""
