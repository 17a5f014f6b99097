"""What the host says of SELinux."""

from pathlib import Path

import pytest

from engine.security import selinux
from engine.security.labels import Policy


def test_who_does_not_want_it_is_not_told() -> None:
    assert selinux.find(wanted=False) is None


@pytest.mark.skipif(selinux.is_running(), reason="needs a kernel without SELinux")
def test_a_kernel_without_it_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    assert selinux.find(wanted=True) is None
    assert "this kernel does not run it" in caplog.text


def test_a_folder_is_no_selinuxfs(tmp_path: Path) -> None:
    assert not selinux.is_running(str(tmp_path))
    assert not selinux.is_running(str(tmp_path / "none"))


def test_the_policys_own_file_is_read_where_containers_have_none(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("# SELINUXTYPE=not\nSELINUX=enforcing\nSELINUXTYPE=targeted\n")
    found = selinux.contexts_file(str(tmp_path / "none"), str(tmp_path / "config"))
    assert found == f"{tmp_path}/targeted/contexts/lxc_contexts"
    assert selinux.contexts_file(str(tmp_path / "config")) == f"{tmp_path}/config"
    assert selinux.contexts_file(str(tmp_path / "none"), str(tmp_path / "none")) == f"{tmp_path}/contexts/lxc_contexts"


def test_contexts_are_quoted_or_not(tmp_path: Path) -> None:
    (tmp_path / "c").write_text('process = "u:r:t:s0"\n; file = "x"\nfile=u:r:f:s0\nro_file = "u:r:ro:s0"\n\nnothing\n')
    assert selinux.read(str(tmp_path / "c")) == Policy("u:r:t:s0", "u:r:f:s0")
    assert selinux.read(str(tmp_path / "none")) == Policy("", "")
