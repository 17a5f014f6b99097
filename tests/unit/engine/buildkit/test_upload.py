"""What a client has on its standard input."""

from pathlib import Path

from engine.buildkit import upload
from proto.buildkit.services.upload_pb2_grpc import add_UploadServicer_to_server
from tests.fakes.buildkit_session import Upload, session


async def test_an_upload_comes_by_the_sessions_own_address(tmp_path: Path) -> None:
    data = bytes(range(256)) * 20
    known = Upload({"abc": data})
    async with session(tmp_path, lambda server: add_UploadServicer_to_server(known, server)) as caller:
        found = [piece async for piece in upload.pieces(caller, "http://buildkit-session/abc")]
    assert b"".join(found) == data
    assert len(found) > 1


def test_other_addresses_are_no_uploads() -> None:
    assert upload.is_upload("http://buildkit-session/abc")
    assert not upload.is_upload("http://example.org/buildkit-session/abc")
    assert not upload.is_upload("https://buildkit-session.example.org/abc")
