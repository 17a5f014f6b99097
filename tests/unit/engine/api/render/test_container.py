"""Containers as clients see them."""

import pytest

from engine.api.render import container as render
from engine.containers.model import Health, Mount
from tests.fakes.engine_room import Bench, container, host_config


async def test_inspect_has_dockers_shape(bench: Bench) -> None:
    live = await bench.create(Volumes={"/data": {}})
    document = render.inspect(bench.room, live, (1, 51))
    assert document["Name"] == "/web"
    assert document["State"]["Status"] == "created"
    assert document["HostConfig"]["NetworkMode"] == "none"
    assert document["HostConfig"]["MaskedPaths"][0] == "/proc/asound"
    assert document["Mounts"][0]["Destination"] == "/data"
    assert document["LogPath"] == ""
    assert "Healthcheck" not in document["Config"]
    assert "SizeRw" not in document
    assert render.inspect(bench.room, live, (1, 51), (5, 9))["SizeRw"] == 5


async def test_what_inspect_shows_makes_the_same_container_again(bench: Bench) -> None:
    host = {"NetworkMode": "none", "Memory": 64 << 20, "CapAdd": ["NET_ADMIN"], "Binds": ["/tmp:/x:ro"]}
    first = await bench.create("one", HostConfig=host, Env=["A=b"], Labels={"x": "y"})
    shown = render.inspect(bench.room, first, (1, 51))
    body = shown["Config"] | {"HostConfig": shown["HostConfig"]}
    second = await bench.create("two", **body)
    again = render.inspect(bench.room, second, (1, 51))
    assert again["HostConfig"] == shown["HostConfig"]
    assert again["Config"] == shown["Config"]


async def test_a_line_of_ps(bench: Bench) -> None:
    live = await bench.run(Cmd=["sh", "-c", "a b"])
    line = render.summary(bench.room, live, (1, 51))
    assert line["Command"] == "sh -c 'a b'"
    assert line["State"] == "running"
    assert line["Status"].startswith("Up ")
    assert line["NetworkSettings"]["Networks"] == {"none": {"NetworkID": "n0"}}


def test_ports() -> None:
    bound = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "53/udp": None}
    assert render.ports(bound) == [
        {"IP": "0.0.0.0", "PrivatePort": 80, "Type": "tcp", "PublicPort": 8080},
        {"PrivatePort": 53, "Type": "udp"},
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (61, "About a minute"),
        (120, "2 minutes"),
        (3600, "About an hour"),
        (7200, "2 hours"),
        (3 * 86400, "3 days"),
        (20 * 86400, "2 weeks"),
        (100 * 86400, "3 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_durations_in_dockers_words(seconds: float, words: str) -> None:
    assert render.human_duration(seconds) == words


def test_statuses_in_dockers_words() -> None:
    made = container()
    assert render.status(made) == "Created"
    made.state.status, made.state.started_at = "running", "2020-01-01T00:00:00Z"
    made.state.health = Health("healthy")
    assert render.status(made).endswith("(healthy)")
    made.state.status = "paused"
    assert render.status(made).endswith("(Paused)")
    made.state.status, made.state.exit_code, made.state.finished_at = "exited", 3, "2020-01-01T00:00:00Z"
    assert render.status(made).startswith("Exited (3) ")
    made.state.status = "restarting"
    assert render.status(made).startswith("Restarting (3) ")


def test_mounts_show_their_kind() -> None:
    entry = Mount("volume", "/v", "/d", "name", "local", "z").to_inspect()
    assert list(entry) == ["Type", "Name", "Source", "Destination", "Driver", "Mode", "RW", "Propagation"]


def test_memory_of_kernels_past_is_shown_to_clients_of_the_past() -> None:
    assert render.host_config(container(host_config=host_config()), (1, 40))["KernelMemory"] == 0
    assert "KernelMemory" not in render.host_config(container(), (1, 51))


async def test_what_spoke_of_the_default_bridge_alone_is_gone_since_1_52(bench: Bench) -> None:
    live = await bench.create()
    settings = {"SandboxID": "s", "Ports": {}, "Networks": {"n": {"Aliases": ["a"]}, "bridge": {"Aliases": None}}}
    whole = settings | {"IPAddress": "10.0.0.2", "Bridge": ""}
    assert render.network_settings(whole, live.container, (1, 52)) == settings
    assert render.network_settings(whole, live.container, (1, 45)) == whole
    old = render.network_settings(whole, live.container, (1, 44))["Networks"]
    assert old == {"n": {"Aliases": ["a", live.container.id[:12]]}, "bridge": {"Aliases": None}}


async def test_since_1_52_storage_has_a_name_of_its_own(bench: Bench) -> None:
    live = await bench.create(OnBuild=None)
    old, new = (render.inspect(bench.room, live, (1, minor)) for minor in (51, 52))
    assert old["GraphDriver"]["Name"] == new["Storage"]["RootFS"]["Snapshot"]["Name"] == "overlayfs"
    assert ("Storage" in old, "GraphDriver" in new) == (False, False)
    assert ("OnBuild" in old["Config"], "OnBuild" in new["Config"]) == (True, False)


async def test_health_is_in_the_list_since_1_52(bench: Bench) -> None:
    live = await bench.create()
    live.container.state.health = Health("healthy", 0)
    assert "Health" not in render.summary(bench.room, live, (1, 51))
    assert render.summary(bench.room, live, (1, 52))["Health"] == {"Status": "healthy", "FailingStreak": 0}


async def test_a_tmpfs_of_the_host_config_is_no_mount(bench: Bench) -> None:
    mounted = [{"Type": "tmpfs", "Target": "/b"}]
    live = await bench.create(HostConfig={"NetworkMode": "none", "Tmpfs": {"/a": ""}, "Mounts": mounted})
    for document in (render.inspect(bench.room, live, (1, 51)), render.summary(bench.room, live, (1, 51))):
        assert [mount["Destination"] for mount in document["Mounts"]] == ["/b"]
