"""Files in and out over HTTP; the container's root is this process's."""

import base64
import io
import json
import os
import tarfile
from pathlib import Path

from tests.fakes.engine_room import Bench
from tests.fakes.engine_served import served


def archive(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size, info.uid, info.gid = len(data), os.getuid(), os.getgid()
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


async def test_there_and_back(bench: Bench, tmp_path: Path) -> None:
    live = await bench.run()
    live.container.state.pid = os.getpid()
    (tmp_path / "files").mkdir()
    url = f"http://d/containers/web/archive?path={tmp_path}/files"
    async with served(bench, tmp_path) as api:
        async with api.session.put(url, data=archive("f", b"abc")) as response:
            assert response.status == 200
        assert (tmp_path / "files" / "f").read_bytes() == b"abc"
        async with api.session.head(f"{url}/f") as response:
            found = json.loads(base64.b64decode(response.headers["X-Docker-Container-Path-Stat"]))
            assert (found["name"], found["size"]) == ("f", 3)
        async with api.session.get(url) as response:
            with tarfile.open(fileobj=io.BytesIO(await response.read())) as tar:
                assert tar.getnames() == ["files", "files/f"]


async def test_refusals(bench: Bench, tmp_path: Path) -> None:
    live = await bench.run()
    live.container.state.pid = os.getpid()
    async with served(bench, tmp_path) as api:
        assert (await api.ask("GET", "/containers/web/archive?path=/no/such"))[0] == 404
        assert (await api.ask("GET", "/containers/web/archive"))[0] == 400
        async with api.session.put("http://d/containers/web/archive?path=/etc/passwd", data=b"x") as response:
            assert response.status in {404, 400}
