"""features: the document that dockerd and podman ask for."""

import json

from tests.unit.lowrt.commands.conftest import Call


def test_it_names_what_is_there(lowrt: Call) -> None:
    status, out, _ = lowrt("features")
    document = json.loads(out)
    assert status == 0
    assert document["ociVersionMin"] == "1.0.0"
    assert {"rbind", "ro", "tmpcopyup", "rro"} <= set(document["mountOptions"])
    assert document["mountOptions"] == sorted(document["mountOptions"])
    linux = document["linux"]
    assert linux["namespaces"] == ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]
    assert "SCMP_ACT_NOTIFY" in linux["seccomp"]["actions"]
    assert linux["cgroup"]["v1"]
    assert linux["cgroup"]["v2"]
    assert "CAP_CHECKPOINT_RESTORE" in linux["capabilities"]
    assert document["annotations"]["org.opencontainers.runc.checkpoint.enabled"] == "true"
