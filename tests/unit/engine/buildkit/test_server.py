"""All services of the server are there: the others have tests of their own, this is of the health one."""

from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from tests.fakes.engine_buildkit import served


async def test_who_asks_for_its_health_is_answered(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        assert (await client.health.Check(HealthCheckRequest())).status == HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.health.Check(HealthCheckRequest(service="no.such"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
