"""Which services answer."""

from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from proto.containerd.services.introspection.v1.introspection_pb2 import PluginsRequest
from proto.containerd.services.introspection.v1.introspection_pb2_grpc import IntrospectionStub
from proto.errdefs import FailedPrecondition
from supervisor.config import Config
from supervisor.core.plugins import Plugin
from supervisor.daemon import Daemon
from supervisor.servicers import check_plugins
from tests.fakes.supervisor_config import private_config

SERVICES = (
    "containers content diff events images introspection leases namespaces sandbox snapshots streaming tasks transfer "
    "version"
)


@pytest.mark.parametrize("pattern", ["type==io.containerd.grpc.v1"])
async def test_every_service_of_containerd_is_there_and_healthy(tmp_path: Path, pattern: str) -> None:
    daemon = Daemon(private_config(tmp_path))
    await daemon.start()
    try:
        async with grpc.aio.insecure_channel(f"unix:{tmp_path}/s.sock") as channel:
            answer = await IntrospectionStub(channel).Plugins(PluginsRequest(filters=[pattern]))
            names = {plugin.id for plugin in answer.plugins}
            assert set(SERVICES.split()) <= names
            health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            assert health.status == health_pb2.HealthCheckResponse.SERVING
    finally:
        await daemon.stop()


def test_a_plugin_that_is_required_must_be_there() -> None:
    plugins = [Plugin("io.containerd.gc.v1", "scheduler")]
    check_plugins(Config(required_plugins=("io.containerd.gc.v1.scheduler",)), plugins)
    with pytest.raises(FailedPrecondition, match=r"required plugin io\.containerd\.grpc\.v1\.cri is not part"):
        check_plugins(Config(required_plugins=("io.containerd.grpc.v1.cri",)), plugins)


def test_a_plugin_that_is_there_cannot_be_disabled() -> None:
    plugins = [Plugin("io.containerd.gc.v1", "scheduler")]
    check_plugins(Config(disabled_plugins=("io.containerd.grpc.v1.cri",)), plugins)
    with pytest.raises(FailedPrecondition, match="cannot be disabled"):
        check_plugins(Config(disabled_plugins=("io.containerd.gc.v1.scheduler",)), plugins)
