"""state.json is whole or not there, and one at a time may change a container."""

import fcntl
import os
import time
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


def test_whoever_waited_for_a_container_that_is_gone_finds_it_gone(state_dir: StateDir) -> None:
    os.close(state_file.claim(state_dir))
    held = state_file.lock(state_dir)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(held)  # a copy of it holds the lock as well as it does
            os.write(writing, b"x")
            state_file.lock(state_dir)
        except NotFound:
            status = 0
        finally:
            os._exit(status)
    os.read(reading, 1)
    while not _waits(pid):
        time.sleep(0.001)
    os.unlink(state_dir.lock)
    os.close(held)
    assert os.waitpid(pid, 0)[1] == 0
    os.close(reading)
    os.close(writing)


def _waits(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "S"
