"""Version."""

from engine.api.render import system


def test_version_names_both_programs() -> None:
    document = system.version({"version": "2.1", "revision": "abc"})
    assert document["ApiVersion"] == "1.51"
    assert document["MinAPIVersion"] == "1.24"
    assert [part["Name"] for part in document["Components"]] == ["Engine", "containerd"]
    assert document["Components"][1]["Details"] == {"GitCommit": "abc"}
