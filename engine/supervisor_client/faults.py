"""gRPC status → Fault: the only place where the engine reads a status."""

import grpc

from proto.errdefs import Fault, fault_from_code


def fault_from_status(error: grpc.aio.AioRpcError) -> Fault:
    """The Fault that a failed call means; the message is the peer's own sentence."""
    code: int = error.code().value[0]
    return fault_from_code(code, error.details() or error.code().name.lower())
