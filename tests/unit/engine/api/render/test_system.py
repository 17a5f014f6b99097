"""Version and info."""

from engine.api.render import system
from engine.containers.programs import Below, Program


def test_version_names_every_program() -> None:
    below = Below(
        Program("lowrt", "0.1.0"), Program("docker-init", "0.19.0", "de40ad0"), Program("containerd", "2.1", "abc")
    )
    document = system.version(below)
    assert document["ApiVersion"] == "1.51"
    assert document["MinAPIVersion"] == "1.24"
    assert [part["Name"] for part in document["Components"]] == ["Engine", "containerd", "lowrt", "docker-init"]
    assert document["Components"][1]["Details"] == {"GitCommit": "abc"}


INFO = {
    "Runtimes": {"runc": {"path": "runc", "status": {"a": "b"}}},
    "RegistryConfig": {"Mirrors": None},
    "Containerd": {"Address": "/x"},
    "FirewallBackend": {"Driver": "nftables"},
    "DiscoveredDevices": [],
    **{key: {"ID": "abc"} for key in ("ContainerdCommit", "RuncCommit", "InitCommit")},
}


def test_info_of_the_newest_version_is_as_it_is() -> None:
    assert system.info(INFO, (1, 55)) == INFO


def test_info_of_an_old_version_lacks_what_came_later_and_has_what_went() -> None:
    document = system.info(INFO, (1, 43))
    assert document["Runtimes"] == {"runc": {"path": "runc"}}
    assert not {"Containerd", "FirewallBackend", "DiscoveredDevices"} & set(document)
    assert document["RuncCommit"] == {"ID": "abc", "Expected": "abc"}
    assert document["RegistryConfig"]["AllowNondistributableArtifactsCIDRs"] is None
    assert (document["BridgeNfIptables"], document["KernelMemoryTCP"]) == (False, False)
