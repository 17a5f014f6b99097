"""The content suite on our supervisor and on the real containerd."""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager

import grpc
import pytest

from proto.containerd.services.content.v1.content_pb2_grpc import ContentStub
from proto.containerd.services.leases.v1.leases_pb2 import CreateRequest
from proto.containerd.services.leases.v1.leases_pb2_grpc import LeasesStub
from tests import needs
from tests.containerd_process import Containerd
from tests.contract.content_store import METADATA, OTHER, ContentStoreSuite
from tests.supervisor_process import Supervisor

pytestmark = needs.root


@pytest.fixture(scope="module", params=["wherry", "containerd"])
def stub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContentStub]:
    if request.param == "containerd" and shutil.which("containerd") is None:
        pytest.skip("needs containerd in PATH")
    folder = tmp_path_factory.mktemp(request.param)
    server: AbstractContextManager[Supervisor | Containerd]
    server = Supervisor(folder) if request.param == "wherry" else Containerd(folder)
    with server as started, grpc.insecure_channel(f"unix:{started.address}") as channel:
        for metadata in (METADATA, OTHER):
            LeasesStub(channel).Create(CreateRequest(id="contract"), metadata=metadata[:1])
        yield ContentStub(channel)


class TestContent(ContentStoreSuite):
    """Every promise, by both."""
