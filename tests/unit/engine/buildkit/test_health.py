"""Who can ask is answered by an engine that is up."""

from pathlib import Path

import grpc
import pytest

from proto.buildkit.services.health_pb2 import HealthCheckRequest, HealthCheckResponse
from tests.fakes.engine_buildkit import served


async def test_it_serves_and_is_not_watched(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        assert (await client.health.Check(HealthCheckRequest())).status == HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in client.health.Watch(HealthCheckRequest()):
                pass
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
