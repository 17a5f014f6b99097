"""Devices by name: a CDI file's environment, node and mount are in the container, and in no other."""

import json
from collections.abc import Iterator

import docker
import pytest

from tests import needs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a folder of CDI files of its own."""
    folder = tmp_path_factory.mktemp("cdi")
    (folder / "shared").write_text("from the vendor\n")
    edits = {
        "env": ["DEVICE=seven"],
        "deviceNodes": [{"path": "/dev/seven", "hostPath": "/dev/zero", "permissions": "r"}],
        "mounts": [{"hostPath": f"{folder}/shared", "containerPath": "/shared", "options": ["ro", "bind"]}],
    }
    documents = {
        "vendor": {"kind": "vendor.example/net", "devices": [{"name": "seven", "containerEdits": edits}]},
        "nvidia": {"kind": "nvidia.com/gpu", "devices": [{"name": "all", "containerEdits": {"env": ["GPU=all"]}}]},
    }
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps({"cdiVersion": "0.6.0", **document}))
    with Engine(folder / "e", "--cdi-spec-dir", str(folder)) as made:
        yield made


def run(engine: Engine, request: dict[str, object], script: str) -> str:
    client = docker.DockerClient(base_url=engine.host, timeout=30)
    try:
        done = client.containers.run(
            "busybox",
            ["sh", "-c", script],
            network_mode="none",
            remove=True,
            device_requests=[docker.types.DeviceRequest(**request)],
        )
        return bytes(done).decode()
    finally:
        client.close()


def test_a_device_brings_all_that_its_file_says(engine: Engine) -> None:
    script = "echo $DEVICE; head -c 2 /dev/seven | wc -c; cat /shared"
    found = run(engine, {"driver": "cdi", "device_ids": ["vendor.example/net=seven"]}, script)
    assert found.split("\n") == ["seven", "2", "from the vendor", ""]
    assert engine.out("run", "--rm", "--network", "none", "busybox", "sh", "-c", "ls /dev/seven || echo none") == "none"


def test_gpus_are_the_vendors_devices(engine: Engine) -> None:
    assert engine.out("run", "--rm", "--network", "none", "--gpus", "all", "busybox", "sh", "-c", "echo $GPU") == "all"


def test_a_name_of_nobody_fails_the_start(engine: Engine) -> None:
    with pytest.raises(docker.errors.APIError, match="unresolvable CDI devices vendor.example/net=eight"):
        run(engine, {"driver": "cdi", "device_ids": ["vendor.example/net=eight"]}, "true")
