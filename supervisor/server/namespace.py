"""Whose call this is: the namespace and the lease that the caller named in the call's metadata."""

from collections.abc import Iterable
from typing import Any

from proto.errdefs import FailedPrecondition, InvalidArgument
from supervisor.core.identifiers import validate_identifier

NAMESPACE_HEADER = "containerd-namespace"
LEASE_HEADER = "containerd-lease"


def namespace_of(context: Any) -> str:
    """The caller's namespace; a fault when it named none, or one that is no identifier."""
    namespace = header(context.invocation_metadata(), NAMESPACE_HEADER)
    if not namespace:
        raise FailedPrecondition("namespace is required: failed precondition")
    try:
        validate_identifier(namespace)
    except InvalidArgument as problem:
        raise InvalidArgument(f"namespace validation: {problem}") from problem
    return namespace


def header(metadata: Iterable[tuple[str, str | bytes]] | None, name: str) -> str:
    """The first value, as with the original: a client that adds one puts the newest first."""
    for key, value in metadata or ():
        if key == name:
            return value if isinstance(value, str) else value.decode("utf-8", "replace")
    return ""
