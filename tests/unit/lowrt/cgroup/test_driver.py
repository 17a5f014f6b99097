"""Who answers for a container's cgroup."""

import pytest

from lowrt.cgroup.driver import driver_from_state, new_driver
from lowrt.cgroup.files import CgroupError
from lowrt.spec.model import Spec


def test_a_state_names_its_driver() -> None:
    assert driver_from_state({"driver": "v1", "paths": {"pids": "/x"}}).paths() == {"pids": "/x"}
    assert driver_from_state({"driver": "v2", "path": "/y"}).paths() == {"": "/y"}


def test_the_systemd_form_of_a_path_is_refused_without_its_driver() -> None:
    with pytest.raises(CgroupError, match="slice:prefix:name"):
        new_driver(Spec({"linux": {"cgroupsPath": "system.slice:a:b"}}, "/"), "box")
