"""Statuses are Faults."""

import grpc
import pytest

from engine.supervisor_client.faults import fault_from_status
from proto import errdefs


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.NOT_FOUND, errdefs.NotFound),
        (grpc.StatusCode.ALREADY_EXISTS, errdefs.AlreadyExists),
        (grpc.StatusCode.FAILED_PRECONDITION, errdefs.FailedPrecondition),
        (grpc.StatusCode.UNAVAILABLE, errdefs.Unavailable),
        (grpc.StatusCode.UNKNOWN, errdefs.Fault),
    ],
)
def test_by_code(code: grpc.StatusCode, kind: type[errdefs.Fault]) -> None:
    fault = fault_from_status(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="words"))
    assert type(fault) is kind
    assert str(fault) == "words"
