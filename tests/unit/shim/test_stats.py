"""Which version, and whether there is a cgroup at all."""

from pathlib import Path

from shim import stats


def test_our_own_cgroup_has_metrics() -> None:
    """Whatever this host's version is."""
    metrics = stats.collect(Path("/proc/self/cgroup").read_text())
    assert metrics is None or metrics.DESCRIPTOR.full_name.startswith("io.containerd.cgroups.v")


def test_a_cgroup_that_is_gone_has_none() -> None:
    """containerd is told so."""
    assert stats.collect("4:memory:/gone/entirely\n0::/gone/entirely\n") is None
    assert stats.collect("") is None
