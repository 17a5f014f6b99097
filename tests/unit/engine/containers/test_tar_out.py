"""Tars out."""

import io
import os
import tarfile
from pathlib import Path

from engine.containers.tar_out import TarWriter


def written(root: Path, path: str, name: str) -> dict[str, tarfile.TarInfo]:
    fd, out = os.open(root, os.O_PATH | os.O_DIRECTORY), io.BytesIO()
    TarWriter(fd, out).write(path, name)
    os.close(fd)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        return {member.name: member for member in tar}


def test_a_tree_with_links_stored_and_hard_links_once(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("abc")
    os.link(tmp_path / "d" / "f", tmp_path / "d" / "g")
    (tmp_path / "d" / "l").symlink_to("/etc/passwd")
    found = written(tmp_path, "/d", "name")
    assert set(found) == {"name", "name/f", "name/g", "name/l"}
    assert found["name/g"].islnk()
    assert found["name/l"].linkname == "/etc/passwd"


def test_a_link_above_leads_only_inside_the_root(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "f").write_text("mine")
    (tmp_path / "out").symlink_to("/etc")
    assert set(written(tmp_path, "/out/f", "f")) == {"f"}
