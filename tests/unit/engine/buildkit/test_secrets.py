"""Secrets are asked for by their names."""

from pathlib import Path

import pytest

from engine.buildkit import secrets
from proto.buildkit.services.secrets_pb2_grpc import add_SecretsServicer_to_server
from proto.errdefs import InvalidArgument
from tests.fakes.buildkit_session import Secrets, session


async def test_a_secret_is_its_bytes_and_one_that_is_not_there_is_none(tmp_path: Path) -> None:
    known = Secrets({"token": b"\0hidden\xff", "empty": b"", "large": b"x" * ((4 << 20) + 1)})
    async with session(tmp_path, lambda server: add_SecretsServicer_to_server(known, server)) as caller:
        assert await secrets.secret(caller, "token") == b"\0hidden\xff"
        assert await secrets.secret(caller, "empty") == b""
        assert await secrets.secret(caller, "other") is None
        with pytest.raises(InvalidArgument, match="4 MiB"):
            await secrets.secret(caller, "large")


async def test_a_client_without_secrets_has_none(tmp_path: Path) -> None:
    async with session(tmp_path) as caller:
        assert await secrets.secret(caller, "token") is None  # said to be served, and is not
        caller._methods.clear()
        assert await secrets.secret(caller, "token") is None
