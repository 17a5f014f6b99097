"""Suites that want another machine than this: with pure cgroup v2, AppArmor, SELinux, or systemd as init.

Each boots a User-Mode Linux kernel of its own, as many at a time as there are processors for. What the suites skip on
this machine they run there. The whole contract is asked of lowrt, and of runc what depends on cgroups; with
WHERRY_WHOLE_CONTRACT set all of it of runc and crun, too, and the engine runs
under SELinux and AppArmor.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import needs, uml

pytestmark = [needs.root, needs.binary("linux.uml"), needs.binary("busybox")]

HERE = Path(__file__).resolve().parent
CGROUP2 = HERE / "uml_cgroup2.sh"
FOLDER = HERE.relative_to(uml.PROJECT)
CONTRACT = f"{FOLDER}/test_oci_contract.py"
SYSTEMD = f"{FOLDER}/test_systemd.py"
# Two halves, for two kernels side by side.
HALVES = [
    [f"{CONTRACT}::Test{name}" for name in ("LifeCycle", "Words", "Resources", "Signals")],
    [f"{CONTRACT}::Test{name}" for name in ("Process", "Namespaces", "Exec", "Console", "Hooks")],
]
OURS = "CONTRACT_OF=lowrt"
# Of runc only what depends on cgroups: the rest would be the same in a kernel that is ten times slower.
WHOLE = bool(os.environ.get("WHERRY_WHOLE_CONTRACT"))
THEIRS = [CONTRACT] if WHOLE else [f"{CONTRACT}::TestResources", f"{CONTRACT}::TestLifeCycle"]
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
    "contract_on_cgroup2": lambda: uml.boot(CGROUP2, HALVES[0], OURS),
    "contract_on_cgroup2_too": lambda: uml.boot(CGROUP2, HALVES[1], OURS),
    "contract_on_cgroup2_of_others": lambda: uml.boot(
        CGROUP2, THEIRS, f"CONTRACT_OF={'runc,crun' if WHOLE else 'runc'}"
    ),
    "cgroup2_and_apparmor": lambda: uml.boot(
        CGROUP2,
        [f"{FOLDER}/test_{name}.py" for name in ("cgroup", "cgroup2", "apparmor", "resident")],
        "security=apparmor",
        "apparmor=1",
    ),
    "selinux": lambda: uml.boot(CGROUP2, [f"{FOLDER}/test_selinux.py"], "security=selinux", "selinux=1"),
    "apparmor_through_the_engine": lambda: uml.boot(
        CGROUP2, ["tests/integration/engine/test_apparmor.py"], "security=apparmor", "apparmor=1"
    ),
    "selinux_through_the_engine": lambda: uml.boot(
        CGROUP2, ["tests/integration/engine/test_selinux.py"], "security=selinux", "selinux=1"
    ),
    "systemd_on_hybrid": lambda: uml.boot(HERE / "uml_systemd.sh", OF_HYBRID, "systemd.unified_cgroup_hierarchy=0"),
}


@pytest.fixture(scope="module")
def outputs(request: pytest.FixtureRequest) -> dict[str, "Future[str]"]:
    """What each of the kernels that were asked for has printed; all have ended, and disturb nobody."""
    wanted = [name for name in BOOTS if any(item.nodeid.endswith(f"[{name}]") for item in request.session.items)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return {name: pool.submit(BOOTS[name]) for name in wanted}


LONG = pytest.mark.skipif(not WHOLE, reason="a minute of its own: make test-lsm")
# A suite of which all is skipped would not have passed.
NEEDS = {
    "selinux": [needs.binary("secilc")],
    "selinux_through_the_engine": [needs.binary("secilc"), needs.binary("docker"), LONG],
    "apparmor_through_the_engine": [needs.binary("apparmor_parser"), needs.binary("docker"), LONG],
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=NEEDS.get(name, [])) for name in BOOTS])
def test_the_suite_passes(outputs: dict[str, "Future[str]"], name: str) -> None:
    output = outputs[name].result()
    assert "SUITE ENDED WITH 0" in output, output
    assert "passed" in output, output
