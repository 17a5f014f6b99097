"""The services behind `/grpc`."""

from collections.abc import Callable

import grpc
from grpc_health.v1 import health, health_pb2_grpc  # type: ignore[import-untyped] # ships no types

from engine.builder.service import Builder
from engine.buildkit.control import Control
from engine.buildkit.gateway import Gateway
from engine.buildkit.jobs import Jobs
from engine.containers.room import Room
from engine.images.service import Images
from proto.buildkit.services import control_pb2_grpc, gateway_pb2_grpc


def register(
    server: grpc.aio.Server,
    room: Room,
    builder: Builder,
    images: Images,
    jobs: Jobs,
    host_gateway: Callable[[], str],
) -> None:
    """All of them."""
    control_pb2_grpc.add_ControlServicer_to_server(Control(room, builder, jobs, host_gateway), server)
    gateway_pb2_grpc.add_LLBBridgeServicer_to_server(Gateway(room, images, jobs), server)
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
