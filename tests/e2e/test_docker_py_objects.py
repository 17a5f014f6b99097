"""docker-py: images, volumes, networks, the system and its events."""

import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests import needs
from tests.engine_process import Engine

docker: Any = pytest.importorskip("docker")
pytestmark = [
    needs.root,
    needs.binary("docker"),
    needs.overlay,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def tagged(client: Any) -> Iterator[Any]:
    """An image of its own, under a name of its own."""
    container = client.containers.create("busybox", "true", labels={"own": "1"})
    image = container.commit(repository="example.test/made", tag="1", message="why", author="me", changes="ENV A=b")
    container.remove()
    yield image
    for tag in client.images.get(image.id).tags if any(image == one for one in client.images.list()) else []:
        client.images.remove(tag, force=True)


def test_a_commit_is_an_image_with_a_parent(client: Any, tagged: Any) -> None:
    image = client.images.get("example.test/made:1")
    assert image.attrs["Parent"] == client.images.get("busybox").id
    assert image.attrs["Comment"] == "why"
    assert image.attrs["Author"] == "me"
    assert "A=b" in image.attrs["Config"]["Env"]
    assert image.history()[0]["Comment"] == "why"


def test_tags_come_and_go(client: Any, tagged: Any) -> None:
    assert tagged.tag("example.test/other", tag="2")
    assert "example.test/other:2" in client.images.get("example.test/made:1").tags
    client.images.remove("example.test/other:2")
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("example.test/other:2")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"name": "example.test/made"}, True),
        ({"name": "nothing"}, False),
        ({"filters": {"reference": "example.test/m*"}}, True),
        ({"filters": {"dangling": True}}, False),
        ({"filters": {"since": "busybox"}}, True),
        ({"filters": {"label": "own=1"}}, True),
        ({"filters": {"label": "own=2"}}, False),
    ],
)
def test_images_are_listed_by_filters(client: Any, tagged: Any, arguments: dict[str, Any], found: bool) -> None:
    assert (tagged in client.images.list(**arguments)) is found


@pytest.mark.parametrize("named", [False, True])
def test_what_was_saved_can_be_loaded(client: Any, tagged: Any, named: bool) -> None:
    archive = b"".join(client.images.get("example.test/made:1").save(named=named))
    client.images.remove("example.test/made:1", force=True)
    loaded = client.images.load(archive)
    assert [image.id for image in loaded] == [tagged.id]
    assert loaded[0].tags == (["example.test/made:1"] if named else [])
    client.images.remove(tagged.id, force=True)


def test_an_image_in_use_is_not_removed(client: Any, tagged: Any) -> None:
    container = client.containers.create(tagged.id, "true")
    try:
        with pytest.raises(docker.errors.APIError) as caught:
            client.images.remove(tagged.id)
        assert caught.value.response.status_code == 409
    finally:
        container.remove()


def test_what_cannot_be_loaded_is_refused(client: Any) -> None:
    with pytest.raises(docker.errors.ImageLoadError):
        client.images.load(b"no tar at all")


def test_a_file_system_becomes_an_image(client: Any) -> None:
    container = client.containers.create("busybox", "true")
    archive = b"".join(container.export())
    container.remove()
    said = client.api.import_image_from_data(archive, repository="example.test/imported")
    image = client.images.get(json.loads(said.splitlines()[-1])["status"])
    assert image.tags == ["example.test/imported:latest"]
    assert client.containers.run(image.id, ["/bin/echo", "hi"], network_mode="none", remove=True) == b"hi\n"
    client.images.remove(image.id)


def test_volumes_by_name_label_and_use(client: Any) -> None:
    volume = client.volumes.create("some-volume", labels={"a": "b"})
    try:
        assert client.volumes.get("some-volume").attrs["Labels"] == {"a": "b"}
        assert volume in client.volumes.list(filters={"label": "a=b"})
        binds = {"some-volume": {"bind": "/data", "mode": "rw"}}
        options = {"network_mode": "none", "volumes": binds, "remove": True}
        client.containers.run("busybox", ["sh", "-c", "echo kept > /data/f"], **options)
        assert client.containers.run("busybox", ["cat", "/data/f"], **options) == b"kept\n"
        holder = client.containers.create("busybox", "true", volumes=binds)
        with pytest.raises(docker.errors.APIError, match="volume is in use"):
            volume.remove()
        holder.remove()
    finally:
        volume.remove(force=True)
    with pytest.raises(docker.errors.NotFound):
        client.volumes.get("some-volume")


def test_a_part_of_a_volume(client: Any) -> None:
    binds = {"parted": {"bind": "/data", "mode": "rw"}}
    try:
        client.containers.run(
            "busybox",
            ["sh", "-c", "mkdir -p /data/in; echo part > /data/in/f; ln -s /etc /data/out"],
            network_mode="none",
            volumes=binds,
            remove=True,
        )
        mount = docker.types.Mount("/part", "parted", subpath="in")
        assert client.containers.run("busybox", ["ls", "/part"], network_mode="none", mounts=[mount], remove=True) == (
            b"f\n"
        )
        mount = docker.types.Mount("/part", "parted", subpath="out/passwd")
        outside = client.containers.create("busybox", "true", network_mode="none", mounts=[mount])
        with pytest.raises(docker.errors.APIError):
            outside.start()
        outside.remove()
    finally:
        client.volumes.get("parted").remove(force=True)


def test_anonymous_volumes_go_with_their_container_and_come_from_others(client: Any) -> None:
    first = client.containers.run("busybox", ["touch", "/data/f"], network_mode="none", volumes=["/data"], detach=True)
    first.wait()
    options = {"network_mode": "none", "volumes_from": [first.id], "remove": True}
    assert client.containers.run("busybox", ["ls", "/data"], **options) == b"f\n"
    first.reload()
    name = first.attrs["Mounts"][0]["Name"]
    first.remove(v=True)
    with pytest.raises(docker.errors.NotFound):
        client.volumes.get(name)


def test_a_network_gives_names_and_addresses(client: Any) -> None:
    pool = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="10.214.7.0/24")])
    network = client.networks.create("lan", ipam=pool, labels={"a": "b"})
    server = client.containers.run(
        "busybox", ["sh", "-c", "echo page > /index.html; httpd -f"], name="web", network="lan", detach=True
    )
    try:
        assert client.networks.list(names=["lan"])[0].id == network.id
        said = client.containers.run("busybox", ["wget", "-qO-", "http://web/"], network="lan", remove=True)
        assert said == b"page\n"
        server.reload()
        assert server.attrs["NetworkSettings"]["Networks"]["lan"]["IPAddress"] == "10.214.7.2"
        network.reload()
        assert [one.name for one in network.containers] == ["web"]
        with pytest.raises(docker.errors.APIError, match="has active endpoints"):
            network.remove()
        network.disconnect(server)
        network.connect(server, ipv4_address="10.214.7.9", aliases=["other"])
        server.reload()
        assert server.attrs["NetworkSettings"]["Networks"]["lan"]["IPAddress"] == "10.214.7.9"
        said = client.containers.run("busybox", ["wget", "-qO-", "http://other/"], network="lan", remove=True)
        assert said == b"page\n"
    finally:
        server.remove(force=True)
        network.remove()


def test_a_published_port_answers_right_after_the_start(client: Any, stack: Engine) -> None:
    server = client.containers.run(
        "busybox", ["sh", "-c", "echo page > /index.html; httpd -f"], ports={"80/tcp": None}, detach=True
    )
    try:
        server.reload()
        port = server.ports["80/tcp"][0]["HostPort"]
        for _ in range(50):
            done = stack.inside("busybox", "wget", "-qO-", f"http://127.0.0.1:{port}/", check=False)
            if done.returncode == 0:
                break
            threading.Event().wait(0.1)
        assert done.stdout == "page\n"
    finally:
        server.remove(force=True)


def test_events_are_a_stream_and_can_be_had_again(client: Any) -> None:
    events = client.events(decode=True, filters={"event": ["create", "destroy"], "type": "container"})
    container = client.containers.create("busybox", "true", network_mode="none", labels={"a": "b"})
    first = next(events)
    container.remove()
    second = next(events)
    events.close()
    assert [event["Action"] for event in (first, second)] == ["create", "destroy"]
    assert first["Actor"]["ID"] == container.id
    assert first["Actor"]["Attributes"]["a"] == "b"
    again = client.events(
        decode=True, since=first["time"], until=second["time"] + 1, filters={"container": container.id}
    )
    assert [event["Action"] for event in again] == ["create", "destroy"]


def test_the_system_tells_of_itself(client: Any) -> None:
    assert client.ping()
    version = client.version()
    assert {"Version", "ApiVersion", "MinAPIVersion", "Components"} <= set(version)
    info = client.info()
    assert info["Images"] >= 2
    assert info["Swarm"]["LocalNodeState"] == "inactive"
    usage = client.df()
    assert {"Images", "Containers", "Volumes"} <= set(usage)


def test_a_cluster_is_not_there(client: Any) -> None:
    assert client.swarm.leave(force=True)
    with pytest.raises(docker.errors.APIError, match="This node is not a swarm manager"):
        client.services.list()


@pytest.mark.parametrize("version", ["1.24", "1.30", "1.41", "auto"])
def test_clients_of_every_age(stack: Engine, version: str) -> None:
    api = docker.APIClient(base_url=stack.host, version=version)
    try:
        assert any("busybox:latest" in (image["RepoTags"] or ()) for image in api.images())
        made = api.create_container("busybox", ["echo", version], host_config=api.create_host_config())
        api.start(made)
        assert api.wait(made)["StatusCode"] == 0
        assert api.logs(made) == f"{version}\n".encode()
        api.remove_container(made)
    finally:
        api.close()


def test_sixteen_clients_at_once(client: Any) -> None:
    """Each reads its own."""
    found: dict[int, bytes] = {}

    def run(number: int) -> None:
        found[number] = client.containers.run("busybox", ["echo", str(number)], network_mode="none", remove=True)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert found == {number: f"{number}\n".encode() for number in range(16)}


def test_a_tar_as_a_stream_is_loaded(client: Any, stack: Engine) -> None:
    data = (stack.folder / "alpine.tar").read_bytes()
    assert [image.tags for image in client.images.load(io.BytesIO(data))] == [["alpine:latest"]]
