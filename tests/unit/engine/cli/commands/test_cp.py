"""`wherry cp`."""

import base64
import io
import json
import tarfile
from pathlib import Path

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def tar_of(name: str, content: bytes) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def stat(name: str, mode: int = 0o644) -> dict[str, str]:
    text = json.dumps({"name": name, "mode": mode, "linkTarget": ""})
    return {"X-Docker-Container-Path-Stat": base64.b64encode(text.encode()).decode()}


def test_a_file_comes_out_under_its_new_name(engine: FakeEngine, run: Run, tmp_path: Path) -> None:
    """The target is no folder, so it is a name."""
    engine.answers["GET /containers/c/archive"] = (200, tar_of("hosts", b"x"))
    engine.headers["GET /containers/c/archive"] = stat("hosts")
    assert run("cp", "c:/etc/hosts", str(tmp_path / "mine")).exit_code == 0
    assert (tmp_path / "mine").read_bytes() == b"x"


def test_a_file_goes_into_a_folder_that_is_there(engine: FakeEngine, run: Run, tmp_path: Path) -> None:
    """As a tar of its name."""
    (tmp_path / "f").write_text("content")
    engine.answers["HEAD /containers/c/archive"] = (200, b"")
    engine.headers["HEAD /containers/c/archive"] = stat("tmp", 1 << 31)
    engine.answers["PUT /containers/c/archive"] = (200, b"")
    assert run("cp", str(tmp_path / "f"), "c:/tmp").exit_code == 0
    sent = engine.sent("PUT", "/containers/c/archive")
    assert sent.query["path"] == ["/tmp"]
    with tarfile.open(fileobj=io.BytesIO(sent.body)) as archive:
        assert archive.getnames() == ["f"]


def test_a_tar_goes_to_standard_output(engine: FakeEngine, run: Run) -> None:
    """As it comes."""
    engine.answers["GET /containers/c/archive"] = (200, b"tar")
    assert run("cp", "c:/x", "-").stdout_bytes == b"tar"


def test_two_containers_or_none_are_refused(run: Run) -> None:
    """One side is this one."""
    assert "between containers" in run("cp", "a:/x", "b:/y").stderr
    assert "at least one container" in run("cp", "./x", "./y").stderr
