"""Counts of the API's calls."""

from supervisor.metrics.calls import Calls
from supervisor.metrics.exposition import render


def test_calls_are_counted_by_method_and_status() -> None:
    """As the Go middleware names them."""
    calls = Calls()
    calls.started("/a.b.S/Get", "unary")
    calls.handled("/a.b.S/Get", "unary", "NotFound")
    page = render(calls.families())
    assert 'grpc_server_started_total{grpc_method="Get",grpc_service="a.b.S",grpc_type="unary"} 1\n' in page
    assert 'grpc_server_handled_total{grpc_code="NotFound",grpc_method="Get",grpc_service="a.b.S"' in page
