"""Suites that want another machine than this: one with pure cgroup v2, and ones where Debian's systemd is init.

Each boots a User-Mode Linux kernel of its own, as many at a time as there are processors for. What the suites skip on
this machine they run there. With WHERRY_WHOLE_CONTRACT set all of the contract is asked, of runc and crun as well.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import needs, uml

pytestmark = [needs.root, needs.binary("linux.uml"), needs.binary("busybox")]

HERE = Path(__file__).resolve().parent
FOLDER = HERE.relative_to(uml.PROJECT)
CONTRACT = f"{FOLDER}/test_oci_contract.py"
SYSTEMD = f"{FOLDER}/test_systemd.py"
# What depends on cgroups, of our runtime alone: the rest would only be the same in a kernel that is ten times slower.
OF_CGROUPS = [f"{CONTRACT}::Test{name}" for name in ("Resources", "LifeCycle", "Hooks")] + [
    "-k",
    "not(runc)and(not(crun))",
]
# What is another matter on v1, where systemd has a hierarchy of its own.
OF_HYBRID = [
    f"{SYSTEMD}::test_the_unit_has_the_properties_that_runc_gives_it",
    f"{SYSTEMD}::test_an_update_outlives_systemds_own_reload",
]
BOOTS: dict[str, Callable[[], str]] = {
    "systemd": lambda: uml.boot(
        HERE / "uml_systemd.sh",
        [SYSTEMD, "tests/integration/test_systemd_units.py"],
        "systemd.unified_cgroup_hierarchy=1",
    ),
    "contract_on_cgroup2": lambda: uml.boot(
        HERE / "uml_cgroup2.sh", [CONTRACT] if os.environ.get("WHERRY_WHOLE_CONTRACT") else OF_CGROUPS
    ),
    "cgroup2": lambda: uml.boot(HERE / "uml_cgroup2.sh", [f"{FOLDER}/test_cgroup.py", f"{FOLDER}/test_cgroup2.py"]),
    "systemd_on_hybrid": lambda: uml.boot(HERE / "uml_systemd.sh", OF_HYBRID, "systemd.unified_cgroup_hierarchy=0"),
}


@pytest.fixture(scope="module")
def outputs(request: pytest.FixtureRequest) -> dict[str, "Future[str]"]:
    """What each of the kernels that were asked for has printed; all have ended, and disturb nobody."""
    wanted = [name for name in BOOTS if any(item.nodeid.endswith(f"[{name}]") for item in request.session.items)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return {name: pool.submit(BOOTS[name]) for name in wanted}


@pytest.mark.parametrize("name", BOOTS)
def test_the_suite_passes(outputs: dict[str, "Future[str]"], name: str) -> None:
    output = outputs[name].result()
    assert "SUITE ENDED WITH 0" in output, output
    assert "passed" in output, output
