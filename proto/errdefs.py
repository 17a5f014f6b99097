"""Faults: the error classes every layer shares, named by what the caller should do.

Each class carries its google.rpc code, so that one table per seam can turn it into the next carrier (a ttrpc or gRPC
status, an HTTP status, a line in a log). Standard library only: lowrt's log is read with it, and the shim imports it
before anything else. A class exists only where some caller branches on it.

Codes: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
"""


class Fault(Exception):
    """An error that has a meaning for the caller; `str(fault)` is the sentence a person reads."""

    code = 2  # UNKNOWN

    @property
    def message(self) -> str:
        """The sentence alone, without notes."""
        return str(self)


class Cancelled(Fault):
    """The caller went away or asked to stop."""

    code = 1


class InvalidArgument(Fault):
    """The request is wrong by itself; repeating it will not help."""

    code = 3


class DeadlineExceeded(Fault):
    """The time the caller gave ran out; the work may still happen."""

    code = 4


class NotFound(Fault):
    """The thing named does not exist."""

    code = 5


class AlreadyExists(Fault):
    """The thing to be made is there already."""

    code = 6


class PermissionDenied(Fault):
    """The caller may not do this, whoever it says it is."""

    code = 7


class ResourceExhausted(Fault):
    """A limit was met: disk, memory, a message's size."""

    code = 8


class FailedPrecondition(Fault):
    """The thing is not in the state that the request needs."""

    code = 9


class Aborted(Fault):
    """Somebody else was first (a lock, a concurrent writer); try again."""

    code = 10


class OutOfRange(Fault):
    """An offset beyond the end."""

    code = 11


class Unimplemented(Fault):
    """Nobody here knows how to do this."""

    code = 12


class Internal(Fault):
    """A defect of ours; the log has the traceback."""

    code = 13


class Unavailable(Fault):
    """The peer is not there at the moment; try again."""

    code = 14


class DataLoss(Fault):
    """Stored or received bytes are not what they should be."""

    code = 15


class Unauthenticated(Fault):
    """The caller has not said who it is, or not convincingly."""

    code = 16


class Conflict(FailedPrecondition):
    """The request contradicts the present state; shares FailedPrecondition's code on the wire."""


class NotModified(FailedPrecondition):
    """There is nothing to do; shares FailedPrecondition's code on the wire."""


_BY_CODE: dict[int, type[Fault]] = {
    kind.code: kind
    for kind in (
        Cancelled,
        InvalidArgument,
        DeadlineExceeded,
        NotFound,
        AlreadyExists,
        PermissionDenied,
        ResourceExhausted,
        FailedPrecondition,
        Aborted,
        OutOfRange,
        Unimplemented,
        Internal,
        Unavailable,
        DataLoss,
        Unauthenticated,
    )
}


def fault_from_code(code: int, message: str) -> Fault:
    """The Fault for a google.rpc code; a code without a class of its own becomes a plain Fault (UNKNOWN)."""
    return _BY_CODE.get(code, Fault)(message)
