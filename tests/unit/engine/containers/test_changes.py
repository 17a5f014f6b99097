"""docker diff."""

from pathlib import Path

from engine.containers.changes import ADDED, MODIFIED, compare


def test_added_and_modified(tmp_path: Path) -> None:
    upper, lower = tmp_path / "u", tmp_path / "l"
    (lower / "etc").mkdir(parents=True)
    (lower / "etc" / "known").write_text("a")
    (lower / "same").mkdir()
    (upper / "etc").mkdir(parents=True)
    (upper / "etc" / "known").write_text("b")
    (upper / "new" / "deep").mkdir(parents=True)
    (upper / "same").mkdir()
    found = {entry["Path"]: entry["Kind"] for entry in compare(str(upper), [str(lower)])}
    assert found == {"/etc": MODIFIED, "/etc/known": MODIFIED, "/new": ADDED, "/new/deep": ADDED}
