"""What a link puts into the environment."""

from typing import Any

import pytest

from engine.containers import links
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import Bench


def test_one_port() -> None:
    assert links.variables("/web/my-db", "172.17.0.2", ["PATH=/bin", "A=b=c", "HOME=/", "BARE"], [(6379, "tcp")]) == [
        "MY_DB_PORT=tcp://172.17.0.2:6379",
        "MY_DB_PORT_6379_TCP=tcp://172.17.0.2:6379",
        "MY_DB_PORT_6379_TCP_ADDR=172.17.0.2",
        "MY_DB_PORT_6379_TCP_PORT=6379",
        "MY_DB_PORT_6379_TCP_PROTO=tcp",
        "MY_DB_NAME=/web/my-db",
        "MY_DB_ENV_A=b=c",
    ]


def test_tcp_comes_first_and_ports_in_a_row_have_ends() -> None:
    found = links.variables("/web/db", "10.0.0.2", (), [(53, "udp"), (81, "tcp"), (80, "tcp"), (90, "tcp")])
    assert found[0] == "DB_PORT=tcp://10.0.0.2:80"
    assert [one for one in found if "START" in one or "END" in one] == [
        "DB_PORT_80_TCP_START=tcp://10.0.0.2:80",
        "DB_PORT_80_TCP_PORT_START=80",
        "DB_PORT_80_TCP_END=tcp://10.0.0.2:81",
        "DB_PORT_80_TCP_PORT_END=81",
    ]
    assert found.index("DB_PORT_90_TCP=tcp://10.0.0.2:90") < found.index("DB_PORT_53_UDP=udp://10.0.0.2:53")


def test_without_ports_there_is_a_name() -> None:
    assert links.variables("/web/db", "10.0.0.2", (), ()) == ["DB_NAME=/web/db"]


async def test_only_the_default_bridges_running_containers_are_told_of(bench: Bench) -> None:
    other = await bench.run("db")
    other.container.config["ExposedPorts"] = {"80/tcp": {}}
    live = await bench.create("web")

    def settings(container_id: str, host_config: Any, endpoints: Any) -> dict[str, Any]:
        return {"Networks": {"bridge": {"IPAddress": "10.0.0.2"}}}

    bench.room.networks.settings = settings  # type: ignore[method-assign]
    live.container.host_config |= {"NetworkMode": "default", "Links": ["db:sql", "gone:x"]}
    assert links.environment(bench.room, live.container)[0] == "SQL_PORT=tcp://10.0.0.2:80"
    live.container.host_config["NetworkMode"] = "mine"
    assert links.environment(bench.room, live.container) == []
    live.container.host_config["NetworkMode"] = "bridge"
    other.container.state.status = "exited"
    assert links.environment(bench.room, live.container) == []


async def test_a_link_to_nobody_or_into_the_hosts_network_is_refused_at_create(bench: Bench) -> None:
    with pytest.raises(InvalidArgument, match="could not get container for nope: No such container: nope"):
        links.check(bench.room, {"NetworkMode": "default", "Links": ["nope:x"]})
    links.check(bench.room, {"NetworkMode": "mine", "Links": ["nope:x"]})
    other = await bench.create("db")
    links.check(bench.room, {"NetworkMode": "bridge", "Links": ["db"]})
    other.container.host_config["NetworkMode"] = "host"
    with pytest.raises(InvalidArgument, match="host type networking can't be used with links"):
        links.check(bench.room, {"NetworkMode": "bridge", "Links": ["db"]})
