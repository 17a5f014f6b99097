"""Lists in files that docker reads as well."""

from pathlib import Path

import pytest

from engine.cli import manifest_lists
from engine.cli.errors import CommandFailed


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path / "manifests"


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("a", "docker.io/library/a:latest"),
        ("me/a:1", "docker.io/me/a:1"),
        ("docker.io/a", "docker.io/library/a:latest"),
        ("localhost/a", "localhost/a:latest"),
        ("r.io:5000/a/b", "r.io:5000/a/b:latest"),
        ("r.io/a@sha256:1", "r.io/a@sha256:1"),
    ],
)
def test_names_are_filled_in(short: str, full: str) -> None:
    assert manifest_lists.full_name(short) == full


def test_members_are_kept_under_dockers_names(folder: Path) -> None:
    manifest_lists.write("a", "r.io:5000/b/c@sha256:1", {"Ref": "x"})
    assert (folder / "docker.io_library_a-latest" / "r.io-5000_b_c-sha256-1").exists()
    assert manifest_lists.members("docker.io/library/a:latest") == [{"Ref": "x"}]
    assert manifest_lists.member("a", "r.io:5000/b/c@sha256:1") == {"Ref": "x"}
    assert manifest_lists.member("a", "other") is None
    assert manifest_lists.members("b") == []


def test_a_file_that_is_none_of_ours_is_named(folder: Path) -> None:
    manifest_lists.write("a", "b", {})
    (folder / "docker.io_library_a-latest" / "broken").write_text("{")
    with pytest.raises(CommandFailed, match="broken is not JSON"):
        manifest_lists.members("a")


def test_a_list_goes_once() -> None:
    manifest_lists.write("a", "b", {})
    assert manifest_lists.remove("a")
    assert not manifest_lists.remove("a")


def test_the_manifest_is_found_under_either_kind() -> None:
    assert manifest_lists.schema_of({"SchemaV2Manifest": {"a": 1}}) == {"a": 1}
    assert manifest_lists.schema_of({"OCIManifest": {"b": 1}, "SchemaV2Manifest": None}) == {"b": 1}
    assert manifest_lists.schema_of({}) == {}
