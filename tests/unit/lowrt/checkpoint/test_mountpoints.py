"""Which mount points a restore needs."""

from lowrt.checkpoint.mountpoints import needed
from lowrt.spec.model import Spec


def test_those_in_a_tmpfs_and_those_of_cgroups_are_restored_with_what_they_lie_in() -> None:
    mounts = [
        {"destination": "/dev", "type": "tmpfs"},
        {"destination": "/dev/pts", "type": "devpts"},
        {"destination": "/device", "type": "bind", "options": ["bind"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup"},
        {"destination": "/proc", "type": "proc"},
    ]
    spec = Spec({"root": {"path": "r"}, "mounts": mounts}, "/bundle")
    assert [entry["destination"] for entry in needed(spec)] == ["/dev", "/device", "/proc"]
