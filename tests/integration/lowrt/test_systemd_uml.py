"""lowrt under a real systemd: Debian's, as init of a User-Mode Linux kernel, with cgroup v2 and with v1 beside it."""

import pytest

from tests import needs
from tests.integration.lowrt import uml

pytestmark = [needs.root, needs.binary("linux.uml"), needs.binary("busybox"), needs.binary("systemctl")]

SUITE = f"{uml.HERE.relative_to(uml.PROJECT)}/test_systemd.py"
# What is another matter on v1; the rest would only be the same once more, in a kernel that is ten times slower.
OF_V1 = [
    f"{SUITE}::test_{name}"
    for name in (
        "the_unit_has_the_properties_that_runc_gives_it",
        "an_update_outlives_systemds_own_reload",
    )
]


@pytest.mark.parametrize(("unified", "suite"), [("1", [SUITE]), ("0", OF_V1)], ids=["v2", "v1"])
def test_the_systemd_suite_passes(unified: str, suite: list[str]) -> None:
    uml.check(uml.boot("uml_systemd.sh", suite, f"systemd.unified_cgroup_hierarchy={unified}", timeout=600))
