"""The unit tests mirror the sources: `layer/path/name.py` is covered by `tests/unit/layer/path/test_name.py`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("proto", "lowrt", "shim", "supervisor", "engine")
NOT_MIRRORED = ROOT / "tests" / "house" / "not_mirrored.txt"


def missing_mirrors() -> set[str]:
    """Modules without a unit test file of their own."""
    missing = set()
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*.py"):
            relative = path.relative_to(ROOT)
            if path.name.startswith("__") or path.name.endswith(("_pb2.py", "_pb2_grpc.py")):
                continue
            if not (ROOT / "tests" / "unit" / relative.parent / f"test_{relative.name}").exists():
                missing.add(str(relative))
    return missing


def excused() -> dict[str, str]:
    """The modules that may go without, each with its reason: `path  # reason` a line."""
    entries = {}
    for line in NOT_MIRRORED.read_text().splitlines():
        path, _, reason = line.partition("#")
        if path.strip():
            entries[path.strip()] = reason.strip()
    return entries


def test_every_module_has_its_unit_test() -> None:
    """A module whose work is all kernel or network says so in not_mirrored.txt, and has an integration test instead."""
    unexcused = sorted(missing_mirrors() - set(excused()))
    assert not unexcused, "no unit test for:\n" + "\n".join(unexcused)


def test_no_excuse_outlives_its_need() -> None:
    """The list only shrinks."""
    stale = sorted(set(excused()) - missing_mirrors())
    assert not stale, "these have a test now, or are gone; take them out of not_mirrored.txt:\n" + "\n".join(stale)


def test_every_excuse_has_a_reason() -> None:
    """And names where the module is tested."""
    bare = sorted(path for path, reason in excused().items() if not reason)
    assert not bare
