"""spec writes a configuration that lowrt itself accepts."""

import json
from pathlib import Path

import pytest

from lowrt.commands.spec import make_rootless, template
from lowrt.spec.load import load_spec
from lowrt.version import SPEC_VERSION
from tests.unit.lowrt.commands.conftest import Call


def test_it_is_written_into_the_bundle_once(lowrt: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert lowrt("spec") == (0, "", "")
    assert load_spec(str(tmp_path)).process["args"] == ["sh"]
    assert (tmp_path / "config.json").read_text().startswith('{\n\t"ociVersion"')
    assert lowrt("spec")[2] == "File config.json exists. Remove it first\n"


def test_the_template_follows_the_version() -> None:
    assert template()["ociVersion"] == SPEC_VERSION


def test_nothing_is_inheritable() -> None:
    """CVE-2022-24769."""
    assert set(template()["process"]["capabilities"]) == {"bounding", "effective", "permitted"}


def test_the_rootless_one_asks_for_what_a_user_can_have() -> None:
    document = template()
    make_rootless(document, 1000, 1001)
    kinds = [entry["type"] for entry in document["linux"]["namespaces"]]
    assert "user" in kinds
    assert "network" not in kinds
    assert document["linux"]["uidMappings"] == [{"containerID": 0, "hostID": 1000, "size": 1}]
    assert "resources" not in document["linux"]
    assert json.dumps(document["mounts"]).count("gid=5") == 0


def test_a_missing_bundle_is_named(lowrt: Call) -> None:
    assert lowrt("spec", "-b", "/nonexistent")[2] == "chdir /nonexistent: no such file or directory\n"
