"""Fault → HTTP status: the one table of this seam (Conflict before FailedPrecondition, whose code it shares)."""

from proto import errdefs

_STATUS: tuple[tuple[type[errdefs.Fault], int], ...] = (
    (errdefs.NotModified, 304),
    (errdefs.Conflict, 409),
    (errdefs.NotFound, 404),
    (errdefs.InvalidArgument, 400),
    (errdefs.AlreadyExists, 409),
    (errdefs.FailedPrecondition, 400),
    (errdefs.OutOfRange, 400),
    (errdefs.Unauthenticated, 401),
    (errdefs.PermissionDenied, 403),
    (errdefs.Unimplemented, 501),
    (errdefs.Unavailable, 503),
)


def status_of(fault: errdefs.Fault) -> int:
    """500 for whatever has no place in the table."""
    return next((status for kind, status in _STATUS if isinstance(fault, kind)), 500)
