"""The asyncio face: what the kernel refuses is a Fault (the rest: integration/engine/networks)."""

from pathlib import Path

import pytest

from engine.config import Config
from engine.networks.service import Networks
from engine.paths import Paths
from proto.errdefs import Internal, InvalidArgument, NotFound


@pytest.fixture
async def networks(tmp_path: Path):
    made = Networks(Config(), Paths(str(tmp_path), str(tmp_path)), lambda *event: None)
    yield made
    await made.close()


async def test_what_the_kernel_refuses_becomes_a_fault_with_its_reason(networks: Networks) -> None:
    def refuse() -> None:
        raise OSError(1, "Operation not permitted")

    with pytest.raises(Internal, match="network: Operation not permitted"):
        await networks._call(refuse)


async def test_faults_pass_as_they_are(networks: Networks) -> None:
    def refuse() -> None:
        raise NotFound("network x not found")

    with pytest.raises(NotFound, match="network x not found"):
        await networks._call(refuse)


async def test_a_request_is_checked_before_anything_is_made(networks: Networks) -> None:
    await networks.check({}, {"NetworkMode": "host"}, {})
    with pytest.raises(InvalidArgument):
        await networks.check({}, {"NetworkMode": "bridge", "Dns": ["x"]}, {})
