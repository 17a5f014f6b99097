"""A client's credentials, by the names that clients know registries by."""

from pathlib import Path

from engine.buildkit import auth
from engine.images.registry_auth import Credentials
from proto.buildkit.services.auth_pb2_grpc import add_AuthServicer_to_server
from tests.fakes.buildkit_session import Auth, session


async def test_names_and_passwords_and_tokens_of_identity_are_told_apart(tmp_path: Path) -> None:
    known = Auth({"registry-1.docker.io": ("me", "word"), "other:5000": ("", "identity")})
    async with session(tmp_path, lambda server: add_AuthServicer_to_server(known, server)) as caller:
        found = await auth.credentials(caller, "docker.io")
        assert found == Credentials(username="me", password="word", server="registry-1.docker.io")
        assert await auth.credentials(caller, "other:5000") == Credentials(
            identity_token="identity", server="other:5000"
        )
        nobody = await auth.credentials(caller, "unknown.example")
        assert nobody is not None
        assert not nobody
    assert known.asked == ["registry-1.docker.io", "other:5000", "unknown.example"]


async def test_a_client_that_does_not_say_leaves_it_to_the_request(tmp_path: Path) -> None:
    async with session(tmp_path) as caller:
        assert await auth.credentials(caller, "docker.io") is None
        caller._methods.clear()
        assert await auth.credentials(caller, "docker.io") is None
