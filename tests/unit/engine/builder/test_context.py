"""Contexts: unpacked as they come, read without leaving them, gone afterwards."""

import gzip
import io
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.builder.context import received
from proto.errdefs import InvalidArgument


def _tar(files: dict[str, bytes | str]) -> bytes:
    """Bytes are content, text is a link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                tar.addfile(entry)
            else:
                entry.size = len(content)
                entry.uid, entry.gid = os.getuid(), os.getgid()
                tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


async def _dockerfile(tmp_path: Path, files: dict[str, bytes | str], name: str = "") -> str:
    async with received(_chunks(_tar(files)), str(tmp_path)) as context:
        return context.dockerfile(name)


async def test_a_compressed_context_is_unpacked_and_goes_away(tmp_path: Path) -> None:
    async with received(_chunks(gzip.compress(_tar({"Dockerfile": b"FROM a", "x/y": b"1"}))), str(tmp_path)) as context:
        assert context.dockerfile("") == "FROM a"
        assert (Path(f"/proc/self/fd/{context.root}/x/y")).read_bytes() == b"1"
    assert list(tmp_path.iterdir()) == []


async def test_the_lower_case_name_serves_where_none_was_given(tmp_path: Path) -> None:
    assert await _dockerfile(tmp_path, {"dockerfile": b"FROM b"}) == "FROM b"
    with pytest.raises(InvalidArgument, match="Cannot locate specified Dockerfile: Other"):
        await _dockerfile(tmp_path, {"dockerfile": b"FROM b"}, "Other")


@pytest.mark.parametrize("name", ["../x", "a/../../x"])
async def test_a_dockerfile_outside_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidArgument, match="Forbidden path outside the build context"):
        await _dockerfile(tmp_path, {"Dockerfile": b"FROM b"}, name)


async def test_a_dockerfile_that_is_a_link_out_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("FROM secret")
    with pytest.raises(InvalidArgument, match="Cannot locate"):
        await _dockerfile(tmp_path, {"Dockerfile": str(tmp_path / "secret")})


async def test_what_dockerignore_names_leaves_the_context(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "Dockerfile": b"F",
        ".dockerignore": b"Dockerfile\n.dockerignore\nkept",
        "kept": b"",
    }
    async with received(_chunks(_tar(files)), str(tmp_path)) as context:
        context.dockerfile("")
        assert os.listdir(f"/proc/self/fd/{context.root}/") == ["kept"]


async def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="Error processing tar file"):
        async with received(_chunks(b"x" * 5000), str(tmp_path)):
            pass
    assert list(tmp_path.iterdir()) == []


async def test_an_engine_that_fetched_a_context_leaves_out_what_no_client_would_send(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "Dockerfile": b"FROM a",
        ".dockerignore": b"logs\n*.tmp\nDockerfile\n!logs/keep\n",
        "Special.dockerignore": b"a.txt\n",
        **{name: b"" for name in ("a.txt", "b.tmp", "logs/x", "logs/keep", "d/c.tmp", "out/y")},
        "link": "/etc",
    }

    async def left(dockerfile: str) -> list[str]:
        async with received(_chunks(_tar(files)), str(tmp_path)) as context:
            context.remove_ignored(dockerfile)
            top = Path(f"/proc/self/fd/{context.root}/").resolve()
            return sorted(str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir())

    assert await left("") == [
        ".dockerignore",
        "Dockerfile",
        "Special.dockerignore",
        "a.txt",
        "d/c.tmp",
        "logs/keep",
        "out/y",
    ]
    assert "a.txt" not in await left("Special")
    assert os.path.exists("/etc/passwd")


async def test_a_contexts_folder_may_be_taken_away_later(tmp_path: Path) -> None:
    given: list[str] = []
    async with received(_chunks(_tar({"Dockerfile": b"FROM a"})), str(tmp_path), given.append):
        assert given == []
    assert [str(path) for path in tmp_path.iterdir()] == given
