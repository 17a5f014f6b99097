"""Names of units, and the folders that they are."""

import pytest

from lowrt.cgroup.files import CgroupError
from lowrt.cgroup.systemd_units import cgroup_path, expand_slice, unit_of


def test_without_a_path_the_scope_has_the_id() -> None:
    unit = unit_of("", "web")
    assert (unit.name, unit.slice, unit.container) == ("lowrt-web.scope", "", "web")


def test_slice_prefix_and_name_are_a_scope_in_a_slice() -> None:
    unit = unit_of("machine.slice:libpod:abc", "abc")
    assert (unit.name, unit.slice, unit.is_slice) == ("libpod-abc.scope", "machine.slice", False)


def test_a_name_that_is_a_slice_stays_one() -> None:
    unit = unit_of("kubepods.slice:x:kubepods-pod1.slice", "x")
    assert (unit.name, unit.is_slice) == ("kubepods-pod1.slice", True)


@pytest.mark.parametrize("path", ["/a/b", "a:b", "a:b:c:d", "a"])
def test_other_forms_are_refused_in_runcs_words(path: str) -> None:
    with pytest.raises(
        CgroupError, match='expected cgroupsPath to be of format "slice:prefix:name" for systemd'
    ) as why:
        unit_of(path, "x")
    assert str(why.value).endswith(f'got "{path}" instead')


@pytest.mark.parametrize("path", ["a.slice:p:../x", "a.slice:../p:x", "a.slice:p:"])
def test_a_unit_is_no_path(path: str) -> None:
    with pytest.raises(CgroupError, match="invalid unit name"):
        unit_of(path, "x")


@pytest.mark.parametrize(
    ("name", "path"),
    [("system.slice", "/system.slice"), ("a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"), ("-.slice", "/")],
)
def test_each_dash_of_a_slice_is_a_level(name: str, path: str) -> None:
    assert expand_slice(name) == path


@pytest.mark.parametrize("name", ["", ".slice", "a", "a--b.slice", "-a.slice", "a-.slice", "a/b.slice", "slice"])
def test_what_is_no_slice_is_refused(name: str) -> None:
    with pytest.raises(CgroupError, match=f"invalid slice name: {name}"):
        expand_slice(name)


def test_the_cgroup_is_below_its_slices_and_a_users_below_his_manager() -> None:
    unit = unit_of("a-b.slice:p:n", "n")
    assert cgroup_path(unit, "system.slice") == "/a.slice/a-b.slice/p-n.scope"
    assert cgroup_path(unit_of("-.slice:p:n", "n"), "system.slice") == "/p-n.scope"
    assert (
        cgroup_path(unit_of("", "n"), "user.slice", "/u/user@1.service") == "/u/user@1.service/user.slice/lowrt-n.scope"
    )
