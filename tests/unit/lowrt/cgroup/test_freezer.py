"""Reading a freezer's state, on ordinary files."""

from pathlib import Path

import pytest

from lowrt.cgroup import freezer
from lowrt.cgroup.files import CgroupError


@pytest.mark.parametrize(
    ("state", "own", "frozen"), [("THAWED", "0", False), ("FROZEN", "1", True), ("FROZEN", "0", False)]
)
def test_v1_frozen_from_above_is_not_frozen_itself(tmp_path: Path, state: str, own: str, frozen: bool) -> None:
    (tmp_path / "freezer.state").write_text(state + "\n")
    (tmp_path / "freezer.self_freezing").write_text(own + "\n")
    assert freezer.is_frozen_v1(str(tmp_path)) is frozen


def test_a_cgroup_that_is_gone_is_not_frozen(tmp_path: Path) -> None:
    assert not freezer.is_frozen_v1(str(tmp_path / "gone"))
    assert not freezer.is_frozen_v2(str(tmp_path / "gone"))


def test_v1_freezing_is_confirmed_by_the_kernel_and_a_strange_answer_undone(tmp_path: Path) -> None:
    (tmp_path / "freezer.state").touch()
    freezer.freeze_v1(str(tmp_path))
    assert (tmp_path / "freezer.state").read_text() == "FROZEN"
    (tmp_path / "freezer.state").write_text("FROZEN???")
    with pytest.raises(CgroupError, match=r"unexpected state FROZEN\?\?\? while freezing"):
        freezer.freeze_v1(str(tmp_path))
    assert (tmp_path / "freezer.state").read_text().startswith("THAWED")


def test_v2_thawing_needs_no_freezer_but_freezing_does(tmp_path: Path) -> None:
    freezer.set_v2(str(tmp_path), frozen=False)
    with pytest.raises(CgroupError, match="freezer not supported"):
        freezer.set_v2(str(tmp_path), frozen=True)
