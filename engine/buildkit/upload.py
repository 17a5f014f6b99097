"""`moby.upload.v1.Upload`: what the client reads from its standard input, by an address that only the session knows."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError

from engine.buildkit.caller import Caller
from proto.buildkit.services.upload_pb2 import BytesMessage
from proto.errdefs import Internal

METHOD = "/moby.upload.v1.Upload/Pull"
_HOST = "buildkit-session"


def is_upload(address: str) -> bool:
    """Does a context's address lead to the session."""
    return address.startswith(f"http://{_HOST}/")


async def pieces(caller: Caller, address: str) -> AsyncIterator[bytes]:
    """The bytes, as they come."""
    parts = urlsplit(address)
    with caller.opened(METHOD, [("urlpath", parts.path), ("urlhost", parts.netloc)]) as call:
        call.end()
        while messages := await call.receive():
            for message in messages:
                try:
                    yield BytesMessage.FromString(message).data
                except DecodeError:
                    raise Internal("the client's upload is none") from None
