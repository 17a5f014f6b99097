"""`moby.buildkit.secrets.v1.Secrets`: a value, asked for when a step that needs it runs, and kept nowhere."""

from engine.buildkit.caller import Caller
from proto.buildkit.services.secrets_pb2 import GetSecretRequest, GetSecretResponse
from proto.errdefs import InvalidArgument, NotFound, Unimplemented

METHOD = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
_LARGEST = 4 << 20


async def secret(caller: Caller, identifier: str) -> bytes | None:
    """One; None where the client has none of this name, or no secrets at all."""
    if not caller.supports(METHOD):
        return None
    try:
        answer = await caller.unary(METHOD, GetSecretRequest(ID=identifier), GetSecretResponse)
    except (NotFound, Unimplemented):
        return None
    if len(answer.data) > _LARGEST:
        raise InvalidArgument(f"the secret {identifier!r} is larger than 4 MiB")
    return answer.data
