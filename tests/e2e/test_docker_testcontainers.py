"""testcontainers-python on our engine: ports right after the start, waits for logs, networks; what its reaper asks."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import needs
from tests.engine_process import Engine

pytest.importorskip("testcontainers")
pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

LABEL = "org.testcontainers"


@pytest.fixture
def containers(stack: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The library, which takes its engine from the environment; its reaper's image is not at hand."""
    monkeypatch.setenv("DOCKER_HOST", stack.host)
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    before = testcontainers_config._ryuk_disabled
    testcontainers_config.ryuk_disabled = True
    yield DockerContainer
    testcontainers_config._ryuk_disabled = before
    for name in stack.out("ps", "-aq").split():
        stack.docker("rm", "-f", "-v", name, check=False)


@pytest.mark.usefixtures("client")
def test_a_mapped_port_is_known_right_after_the_start(containers: Any) -> None:
    with containers("busybox").with_command("httpd -f -p 80").with_exposed_ports(80, 81) as container:
        first, second = (int(container.get_exposed_port(port)) for port in (80, 81))
        assert first > 0
        assert first != second


@pytest.mark.usefixtures("client")
def test_a_line_of_the_log_is_waited_for(containers: Any) -> None:
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    strategy = LogMessageWaitStrategy("ready at last").with_startup_timeout(60)
    made = containers("busybox").with_command(["sh", "-c", "sleep 0.3; echo ready at last; sleep 600"])
    with made.waiting_for(strategy) as container:
        out, _ = container.get_logs()
        assert b"ready at last" in out
        code, output = container.exec(["sh", "-c", "echo inside; exit 3"])
        assert (code, output) == (3, b"inside\n")


@pytest.mark.usefixtures("client")
def test_containers_of_a_network_know_each_others_aliases(containers: Any) -> None:
    from testcontainers.core.network import Network

    with Network() as network:
        server = containers("busybox").with_command("sleep 600").with_network(network).with_network_aliases("server")
        with server, containers("busybox").with_command("sleep 600").with_network(network) as client:
            code, output = client.exec(["nslookup", "server", "127.0.0.11"])
            assert code == 0, output


def test_what_the_reaper_does_is_done(client: Any, containers: Any) -> None:
    """It looks for its label, removes containers with their volumes, and prunes networks, volumes and images."""
    labels = {LABEL: "true", f"{LABEL}.session-id": "reaped"}
    wanted = {"label": [f"{LABEL}=true", f"{LABEL}.session-id=reaped"]}
    container = client.containers.run("busybox", "sleep 600", detach=True, labels=labels, volumes=["/anonymous"])
    client.networks.create("reaped", labels=labels)
    client.volumes.create("reaped", labels=labels)
    assert [one.id for one in client.containers.list(all=True, filters=wanted)] == [container.id]
    for one in client.containers.list(all=True, filters=wanted):
        one.remove(force=True, v=True)
    assert client.networks.prune(filters=wanted)["NetworksDeleted"] == ["reaped"]
    assert client.volumes.prune(filters=wanted | {"all": ["true"]})["VolumesDeleted"] == ["reaped"]
    assert client.images.prune(filters=wanted | {"dangling": False})["ImagesDeleted"] is None
    assert client.containers.list(all=True, filters=wanted) == []
