"""Names in a bundle, and the socket's address."""

import hashlib
import os
from pathlib import Path

from shim.paths import Bundle, read_pid, read_text, sibling, socket_path, write_atomically


def test_a_socket_is_named_by_the_hash_of_address_namespace_and_group() -> None:
    """As every shim of containerd names it: others find it by computing."""
    expected = hashlib.sha256(b"/run/containerd/containerd.sock/moby/c1").hexdigest()
    path = socket_path("/run/containerd/containerd.sock", "moby", "c1")
    assert path == f"/run/containerd/s/{expected}"


def test_the_socket_folder_can_be_another() -> None:
    """containerd 2.3 may say so."""
    assert socket_path("/a", "n", "c", "/run/x").startswith("/run/x/")


def test_files_are_in_the_bundle(tmp_path: Path) -> None:
    """Each by its property."""
    bundle = Bundle(str(tmp_path / "c1"))
    assert bundle.exec_pid("e1") == str(tmp_path / "c1" / "e1.pid")
    assert bundle.init_pid == str(tmp_path / "c1" / "init.pid")
    assert bundle.exec_log("e1") == str(tmp_path / "c1" / "e1.log.json")


def test_delete_finds_the_bundle_beside_the_one_it_runs_in(tmp_path: Path) -> None:
    """containerd may call it from another."""
    assert sibling(str(tmp_path / "other"), "c1").path == str(tmp_path / "c1")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """No temporary is left; durable or not."""
    target = tmp_path / "address"
    write_atomically(str(target), b"one")
    write_atomically(str(target), b"two", 0o600, durable=True)
    assert target.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["address"]


def test_a_pid_file_without_a_number_is_zero(tmp_path: Path) -> None:
    """So is none at all."""
    (tmp_path / "p").write_text("4711\n")
    (tmp_path / "q").write_text("?")
    assert [read_pid(str(tmp_path / name)) for name in "pqr"] == [4711, 0, 0]
    assert read_text(str(tmp_path / "r")) is None
