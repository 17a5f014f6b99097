"""Results that go to the client."""

import contextlib
import io
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.builder.client import Made
from engine.buildkit import results
from proto.errdefs import Unimplemented
from tests.fakes.buildkit_session import Target, session, target


class Layers:
    """A result that is a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.asynccontextmanager
    async def viewed(self, state: object) -> AsyncIterator[int]:
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield fd
        finally:
            os.close(fd)


@pytest.mark.parametrize("kind", ["local", "tar"])
async def test_a_result_arrives_and_its_way_is_told(kind: str, tmp_path: Path) -> None:
    (tmp_path / "result/bin").mkdir(parents=True)
    (tmp_path / "result/bin/app").write_text("app")
    made = cast(Made, SimpleNamespace(layers=Layers(tmp_path / "result"), state=None))
    lines: list[dict[str, Any]] = []
    taken = Target(as_tree=kind == "local")
    async with session(tmp_path, target(taken)) as caller:
        await results.export(caller, made, kind, 0, lines.append)
    if kind == "local":
        assert taken.tree == {"bin/app": b"app"}
    else:
        with tarfile.open(fileobj=io.BytesIO(taken.data)) as tar:
            assert [name for name in tar.getnames() if name.strip("./")] == ["bin", "bin/app"]
    name = {"local": "copying files", "tar": "sending tarball"}[kind]
    assert [(line["aux"]["name"], line["aux"]["state"]) for line in lines] == [
        ("", "running"),
        (name, "running"),
        (name, "done"),
        ("", "done"),
    ]


def test_attributes_that_would_change_something_are_refused() -> None:
    results.require_known("tar", {"dest": "x", "platform-split": "false", "empty": ""})
    with pytest.raises(Unimplemented, match="compression=zstd"):
        results.require_known("tar", {"compression": "zstd"})
