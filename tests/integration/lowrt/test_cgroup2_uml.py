"""The cgroup tests once more, on pure v2: inside a User-Mode Linux kernel, which boots as a process in seconds."""

from tests import needs
from tests.integration.lowrt import uml

pytestmark = [needs.root, needs.binary("linux.uml"), needs.binary("busybox")]

FOLDER = uml.HERE.relative_to(uml.PROJECT)


def test_the_cgroup_suite_passes_on_pure_v2() -> None:
    uml.check(uml.boot("uml_cgroup2.sh", [f"{FOLDER}/test_cgroup.py", f"{FOLDER}/test_cgroup2.py"], timeout=600))
