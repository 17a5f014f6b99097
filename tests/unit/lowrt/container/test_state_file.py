"""state.json is whole or not there, and one at a time may change a container."""

import fcntl
import os
from pathlib import Path

import pytest

from lowrt.container import state_file
from lowrt.errors import AlreadyExists, Fault, NotFound
from lowrt.paths import StateDir


@pytest.fixture
def state_dir(tmp_path: Path) -> StateDir:
    return StateDir(str(tmp_path / "root"), "c1")


def test_an_id_is_claimed_once(state_dir: StateDir) -> None:
    os.close(state_file.claim(state_dir))
    assert os.stat(state_dir.path).st_mode & 0o777 == 0o700
    with pytest.raises(AlreadyExists, match="container with given ID already exists"):
        state_file.claim(state_dir)


def test_what_is_saved_is_loaded(state_dir: StateDir) -> None:
    os.close(state_file.claim(state_dir))
    state_file.save(state_dir, {"id": "c1", "init": {"pid": 7}})
    assert state_file.load(state_dir) == {"version": 1, "id": "c1", "init": {"pid": 7}}
    assert sorted(os.listdir(state_dir.path)) == ["lock", "state.json"]


def test_no_state_is_no_container(state_dir: StateDir) -> None:
    with pytest.raises(NotFound, match="container does not exist"):
        state_file.load(state_dir)
    with pytest.raises(NotFound, match="container does not exist"):
        state_file.lock(state_dir)


def test_another_versions_state_is_refused(state_dir: StateDir) -> None:
    os.close(state_file.claim(state_dir))
    state_file.save(state_dir, {"version": 2})
    with pytest.raises(Fault, match="written by another version"):
        state_file.load(state_dir)


def test_the_lock_is_held_until_its_fd_is_closed(state_dir: StateDir) -> None:
    fd = state_file.claim(state_dir)
    other = os.open(state_dir.lock, os.O_RDWR)
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(other)


def test_a_link_in_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (tmp_path / ".file").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        state_file.write_atomically(str(tmp_path / "file"), b"x")
    assert not victim.exists()
