"""Stores on a folder, transfers on top of them, and archives to import."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proto import anys
from proto.containerd.types.transfer import streaming_pb2
from supervisor.registry import platforms
from supervisor.transfer.endpoints import ExtraReference, ImageStoreEnd, Unpack
from supervisor.transfer.graph import Graph
from supervisor.transfer.local import Transfers
from supervisor.transfer.resources import Resources
from supervisor.transfer.streams import Stream
from tests.fakes.registry import digest_of
from tests.fakes.supervisor_archives import LAYERS, Listener, make_tar
from tests.fakes.supervisor_transfer import TestStores, open_stores


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[TestStores]:
    with open_stores(tmp_path / "stores") as stores:
        yield stores


@pytest.fixture
def graph(stores: TestStores) -> Graph:
    return Graph(stores.content, "ns")


@pytest.fixture
async def transfers(stores: TestStores) -> Transfers:
    return Transfers(Resources(stores))


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def docker_archive() -> Callable[..., bytes]:
    def make(*tags: str, layers: list[bytes] = LAYERS, **changes: Any) -> bytes:
        config = {
            "architecture": platforms.host().architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
            **changes,
        }
        names = [f"{number}/layer.tar" for number in range(len(layers))]
        manifest = [{"Config": "config.json", "RepoTags": list(tags) or None, "Layers": names}]
        files = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
        return make_tar({**files, **dict(zip(names, layers, strict=True))})

    return make


@pytest.fixture
def import_stream() -> Callable[[bytes], Stream]:
    def make(data: bytes) -> Stream:
        async def messages() -> AsyncIterator[Any]:
            for at in range(0, len(data), 32 * 1024):
                yield anys.pack(streaming_pb2.Data(data=data[at : at + 32 * 1024]))

        return Stream(messages())

    return make


@pytest.fixture
def store_end() -> ImageStoreEnd:
    """What `ctr images import` asks for."""
    return ImageStoreEnd(
        extra_references=[ExtraReference("import-test", is_prefix=True, allow_overwrite=True)],
        unpacks=[Unpack(platforms.host(), "")],
    )
