"""Statuses."""

import pytest

from engine.api.errors import status_of
from proto import errdefs


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errdefs.NotFound, 404),
        (errdefs.Conflict, 409),
        (errdefs.NotModified, 304),
        (errdefs.FailedPrecondition, 400),
        (errdefs.AlreadyExists, 409),
        (errdefs.InvalidArgument, 400),
        (errdefs.PermissionDenied, 403),
        (errdefs.Unavailable, 503),
        (errdefs.Unimplemented, 501),
        (errdefs.Internal, 500),
        (errdefs.Fault, 500),
    ],
)
def test_each_class_has_its_own(kind: type[errdefs.Fault], status: int) -> None:
    assert status_of(kind("x")) == status
