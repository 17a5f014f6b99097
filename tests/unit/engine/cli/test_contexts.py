"""Contexts on disk."""

import json
from pathlib import Path

import pytest

from engine.cli import contexts
from engine.cli.contexts import Context
from engine.cli.errors import CommandFailed


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def test_a_context_is_where_docker_keeps_it(folder: Path) -> None:
    made = Context("far", "ssh://far", "the far one", True, {"ca": b"CA", "key": b"KEY"})
    contexts.save(made)
    assert contexts.load("far") == made
    [meta] = folder.glob("contexts/meta/*/meta.json")
    assert json.loads(meta.read_text()) == {
        "Name": "far",
        "Metadata": {"Description": "the far one"},
        "Endpoints": {"docker": {"Host": "ssh://far", "SkipTLSVerify": True}},
    }
    [key] = folder.glob("contexts/tls/*/docker/key.pem")
    assert (key.read_bytes(), key.stat().st_mode & 0o777) == (b"KEY", 0o600)
    assert meta.parent.name == key.parent.parent.name == contexts._digest("far")


def test_the_one_in_use_is_dockers_own_setting(folder: Path) -> None:
    contexts.save(Context("far", "ssh://far"))
    contexts.use("far")
    assert json.loads((folder / "config.json").read_text()) == {"currentContext": "far"}
    contexts.remove("far")
    assert json.loads((folder / "config.json").read_text()) == {}
    with pytest.raises(CommandFailed, match='context "far": context not found'):
        contexts.use("far")
    contexts.use("default")


def test_names_are_sorted_and_what_is_none_is_passed_over(folder: Path) -> None:
    for name in ("b", "a1", "c"):
        contexts.save(Context(name * 2, "unix:///x"))
    (folder / "contexts" / "meta" / "stray").mkdir()
    assert contexts.names() == ["a1a1", "bb", "cc"]


@pytest.mark.parametrize("name", ["default", "", "a", "../x", "a/b", "-x", "a b"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(CommandFailed):
        contexts.check_name(name)


def test_a_broken_file_is_named(folder: Path) -> None:
    contexts.save(Context("far", "ssh://far"))
    (Path(contexts.meta_folder("far")) / "meta.json").write_text("{")
    with pytest.raises(CommandFailed, match=r"meta\.json"):
        contexts.load("far")
