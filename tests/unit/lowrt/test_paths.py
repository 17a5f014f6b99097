"""Where state lies."""

import os

import pytest

from lowrt.ids import check_id
from lowrt.paths import DEFAULT_ROOT, StateDir, default_root, seccomp_cache


def test_every_file_is_below_the_containers_directory() -> None:
    state_dir = StateDir("/run/lowrt", "c1")
    assert state_dir.path == "/run/lowrt/c1"
    for path in (state_dir.lock, state_dir.state, state_dir.config, state_dir.exec_fifo):
        assert os.path.dirname(path) == state_dir.path


def test_no_container_can_be_named_like_the_cache() -> None:
    with pytest.raises(Exception, match="invalid container ID format"):
        check_id(os.path.basename(seccomp_cache("/run/lowrt")))


def test_a_user_who_is_not_root_has_a_root_of_his_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_root() == "/run/user/1000/lowrt"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_root() == DEFAULT_ROOT
