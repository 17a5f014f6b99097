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


def test_every_class_of_faults_has_a_status() -> None:
    """What is not the client's doing is 500 or 503."""
    for kind in vars(errdefs).values():
        if isinstance(kind, type) and issubclass(kind, errdefs.Fault):
            assert 300 <= status_of(kind("x")) < 600
    assert status_of(errdefs.OutOfRange("x")) == 400
    assert status_of(errdefs.Unauthenticated("x")) == 401
