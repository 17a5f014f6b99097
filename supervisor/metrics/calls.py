"""How many calls began and how they ended, per method: the names are those of the Go gRPC middleware."""

from collections import Counter
from collections.abc import Iterator

from supervisor.metrics.exposition import Family


class Calls:
    """Counts of the API's calls."""

    def __init__(self) -> None:
        self._started: Counter[tuple[str, str]] = Counter()
        self._handled: Counter[tuple[str, str, str]] = Counter()

    def started(self, method: str, kind: str) -> None:
        """A call of `/package.Service/Method` begins; the kind is `unary`, `server_stream` and so on."""
        self._started[method, kind] += 1

    def handled(self, method: str, kind: str, code: str) -> None:
        """It ended with this status (`OK`, `NotFound`)."""
        self._handled[method, kind, code] += 1

    def families(self) -> Iterator[Family]:
        """The counts so far."""
        started = Family("grpc_server_started_total", "counter", "Total number of RPCs started on the server.")
        for (method, kind), count in sorted(self._started.items()):
            started.add(count, **_labels(method, kind))
        yield started
        text = "Total number of RPCs completed on the server, regardless of success or failure."
        handled = Family("grpc_server_handled_total", "counter", text)
        for (method, kind, code), count in sorted(self._handled.items()):
            handled.add(count, **_labels(method, kind), grpc_code=code)
        yield handled


def _labels(method: str, kind: str) -> dict[str, str]:
    service, _, name = method.lstrip("/").rpartition("/")
    return {"grpc_service": service, "grpc_method": name, "grpc_type": kind}
