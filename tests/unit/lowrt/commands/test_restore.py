"""lowrt restore, up to where criu begins."""

import json
from pathlib import Path

import pytest

from tests.unit.lowrt.commands.conftest import Call


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bundle"
    (folder / "rootfs").mkdir(parents=True)
    document = {
        "ociVersion": "1.2.0",
        "root": {"path": "rootfs"},
        "process": {"args": ["sh"], "cwd": "/"},
        "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]},
    }
    (folder / "config.json").write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)  # it changes to the bundle: back at the end
    return folder


def test_an_image_that_is_not_there_is_named_and_nothing_is_left(lowrt: Call, bundle: Path, tmp_path: Path) -> None:
    status, _, err = lowrt("restore", "--detach", "--bundle", str(bundle), "--image-path", "image", "c1")
    assert (status, err) == (1, f"open {tmp_path}/image/descriptors.json: no such file or directory\n")
    assert not (tmp_path / "root" / "c1").exists()


def test_descriptors_must_be_a_list(lowrt: Call, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "descriptors.json").write_text("{}")
    status, _, err = lowrt("restore", "-d", "-b", str(bundle), "--image-path", "image", "c1")
    assert (status, err) == (1, f"{tmp_path}/image/descriptors.json is not a list of descriptors\n")


def test_no_pivot_is_refused_by_name(lowrt: Call, bundle: Path) -> None:
    status, _, err = lowrt("restore", "-d", "-b", str(bundle), "--no-pivot", "c1")
    assert (status, err) == (1, "restore with --no-pivot is not supported by lowrt\n")


def test_a_console_socket_without_a_terminal_is_refused(lowrt: Call, bundle: Path) -> None:
    status, _, err = lowrt("restore", "-d", "-b", str(bundle), "--console-socket", "/s", "c1")
    assert (status, err) == (1, "cannot use console socket if runc will not detach or allocate tty\n")


def test_the_id_must_not_be_empty(lowrt: Call, bundle: Path) -> None:
    status, _, err = lowrt("restore", "-d", "-b", str(bundle), "")
    assert (status, err) == (1, "container id cannot be empty\n")
