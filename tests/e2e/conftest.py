"""One stack for all tests that only use it: an engine with a bridge, in a network namespace of its own."""

import gc
import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine_process import Engine
from tests.images import archive, busybox_layer, layer_tar

OTHER = {"etc/alpine-release": b"3.20.0\n"}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine, with `busybox:latest` and a second image, `alpine:latest`, of two layers."""
    folder = tmp_path_factory.mktemp("stack")
    with Engine(folder, "--bip", "10.213.0.1/24", bridge="wstack0", netns=f"wherry-e2e-{os.getpid()}") as engine:
        made = archive(folder / "alpine.tar", "alpine:latest", [busybox_layer(), layer_tar(OTHER)])
        engine.docker("load", "-i", str(made))
        yield engine
        for name in engine.out("ps", "-aq").split():
            engine.docker("rm", "-f", "-v", name, check=False)
        assert [point for point in engine.mounts() if "/netns" not in point] == []


@pytest.fixture(scope="session")
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """docker-py on it; or on the daemon of WHERRY_TEST_DOCKER_HOST: do the tests hold for dockerd, too?"""
    docker = pytest.importorskip("docker")
    host = os.environ.get("WHERRY_TEST_DOCKER_HOST") or request.getfixturevalue("stack").host
    # docker-py keeps a pool for each address, and closes the oldest of 25 under the hands of a thread that uses it.
    made = docker.DockerClient(base_url=host, timeout=30, num_pools=4000 if os.environ.get("WHERRY_STORM") else 400)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def docker_py_lets_go(request: pytest.FixtureRequest) -> Iterator[None]:
    """docker-py leaves the sockets of streams to the collector: now, and not in the middle of someone else's test."""
    yield
    if "docker" in vars(request.module) or "client" in request.fixturenames:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
