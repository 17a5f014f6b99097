"""Files of layers, read without a mount."""

from pathlib import Path

from engine.containers.rootfs import Layers, _fill, init_layer
from proto.containerd.types import mount_pb2


def overlay(*layers: Path) -> Layers:
    lower = ":".join(str(layer) for layer in layers[1:])
    options = [f"upperdir={layers[0]}", f"lowerdir={lower}", "workdir=/w"]
    return Layers([mount_pb2.Mount(type="overlay", source="overlay", options=options)])


def test_the_uppermost_wins_and_nothing_is_nothing(tmp_path: Path) -> None:
    for name, text in (("u", None), ("a", "upper"), ("b", "lower")):
        (tmp_path / name / "etc").mkdir(parents=True)
        if text:
            (tmp_path / name / "etc" / "passwd").write_text(text)
    layers = overlay(tmp_path / "u", tmp_path / "a", tmp_path / "b")
    assert layers.read("etc/passwd") == "upper"
    assert layers.read("etc/group") == ""
    assert layers.has_folder("/etc")
    assert not layers.has_folder("/srv")


def test_links_are_not_followed_but_left_to_a_mount(tmp_path: Path) -> None:
    (tmp_path / "u").mkdir()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "etc").symlink_to("/etc")
    layers = overlay(tmp_path / "u", tmp_path / "a")
    assert layers.read("etc/passwd") is None
    assert not layers.has_folder("/etc")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "u" / "etc").mkdir(parents=True)
    (tmp_path / "u" / "etc" / "passwd").write_bytes(b"x" * (2 << 20))
    assert overlay(tmp_path / "u", tmp_path / "none").read("etc/passwd") is None


def test_the_init_layer_keeps_what_the_image_has(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "hosts").write_text("mine")
    _fill(str(tmp_path))
    assert (tmp_path / "etc" / "hosts").read_text() == "mine"
    assert (tmp_path / ".dockerenv").exists()
    assert (tmp_path / "dev" / "pts").is_dir()
    assert (tmp_path / "etc" / "mtab").is_symlink()
    assert init_layer("sha256:x") == "wherry-init-sha256:x"
