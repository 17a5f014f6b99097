"""`moby.filesync.v1.Auth`: the client's credentials for a registry, asked for by its name when an image is pulled.

Clients can fetch a registry's token themselves, too (`FetchToken`). Those have `Credentials` as well, and with them the
supervisor fetches its own.
"""

from engine.buildkit.caller import Caller
from engine.images.reference import DEFAULT_DOMAIN
from engine.images.registry_auth import Credentials
from proto.buildkit.services.auth_pb2 import CredentialsRequest, CredentialsResponse
from proto.errdefs import Unimplemented

METHOD = "/moby.filesync.v1.Auth/Credentials"
_HUB = "registry-1.docker.io"  # the name by which clients know Docker Hub's


async def credentials(caller: Caller, domain: str) -> Credentials | None:
    """For one registry; None where the client does not say, empty ones where it has none."""
    if not caller.supports(METHOD):
        return None
    host = _HUB if domain == DEFAULT_DOMAIN else domain
    try:
        answer = await caller.unary(METHOD, CredentialsRequest(Host=host), CredentialsResponse)
    except Unimplemented:
        return None
    if answer.Secret and not answer.Username:
        return Credentials(identity_token=answer.Secret, server=host)
    return Credentials(username=answer.Username, password=answer.Secret, server=host)
