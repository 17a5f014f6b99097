"""containerd.services.version.v1."""

import re

from google.protobuf.empty_pb2 import Empty

from supervisor.services.version import VersionService
from tests.fakes.grpc_context import Context


async def test_the_version_is_a_semantic_one() -> None:
    """Clients parse it."""
    answer = await VersionService("0.1.0", "abc").Version(Empty(), Context(""))
    assert re.fullmatch(r"v\d+\.\d+\.\d+\+[0-9A-Za-z.-]+", answer.version)
    assert answer.revision == "abc"
