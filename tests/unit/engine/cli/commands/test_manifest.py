"""`wherry manifest`."""

import json
from pathlib import Path

import pytest

from tests.fakes.engine_http import FakeEngine, Request
from tests.unit.engine.cli.conftest import Run

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DIGEST = "sha256:" + "1" * 64


def single(request: Request) -> tuple[int, object]:
    """An image's manifest."""
    assert request.query == {"manifest": ["1"]}
    descriptor = {"mediaType": MANIFEST, "digest": DIGEST, "size": 7}
    platforms = [{"architecture": "arm64", "os": "linux"}]
    return 200, {"Descriptor": descriptor, "Platforms": platforms, "Manifest": {"schemaVersion": 2, "layers": []}}


def test_the_manifest_is_printed_as_it_is(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /distribution/r.io/a:1/json"] = single
    result = run("manifest", "inspect", "r.io/a:1")
    assert json.loads(result.stdout) == {"schemaVersion": 2, "layers": []}


def test_in_full_it_has_its_name_and_its_platform(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /distribution/r.io/a:1/json"] = single
    assert json.loads(run("manifest", "inspect", "-v", "r.io/a:1").stdout) == {
        "Ref": "r.io/a:1",
        "Descriptor": {
            "mediaType": MANIFEST,
            "digest": DIGEST,
            "size": 7,
            "platform": {"architecture": "arm64", "os": "linux"},
        },
        "SchemaV2Manifest": {"schemaVersion": 2, "layers": []},
    }


def test_of_a_list_in_full_each_platform_is_asked_for(engine: FakeEngine, run: Run) -> None:
    member = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": DIGEST, "size": 7}
    index = {"schemaVersion": 2, "manifests": [member]}
    engine.answers["GET /distribution/r.io/a:1/json"] = (200, {"Descriptor": {"mediaType": INDEX}, "Manifest": index})
    engine.answers[f"GET /distribution/r.io/a@{DIGEST}/json"] = single
    assert json.loads(run("manifest", "inspect", "--verbose", "r.io/a:1").stdout) == [
        {"Ref": f"r.io/a@{DIGEST}", "Descriptor": member, "OCIManifest": {"schemaVersion": 2, "layers": []}}
    ]


def test_an_engine_that_tells_no_manifests_is_said_to_be_one(engine: FakeEngine, run: Run) -> None:
    """dockerd knows nothing of the question, and answers half of it."""
    engine.answers["GET /distribution/a/json"] = (200, {"Descriptor": {}, "Platforms": []})
    result = run("manifest", "inspect", "a")
    assert result.exit_code == 1
    assert "tells no manifests" in result.stderr


def test_a_name_that_is_not_there(engine: FakeEngine, run: Run) -> None:
    engine.answers["GET /distribution/a/json"] = (404, {"message": "no such manifest: a:latest"})
    assert "no such manifest: a:latest" in run("manifest", "inspect", "a").stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where lists are kept."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path / "manifests"


def answer(engine: FakeEngine, name: str, digest: str, architecture: str, kind: str = MANIFEST) -> None:
    descriptor = {"mediaType": kind, "digest": digest, "size": 7}
    platforms = [{"architecture": architecture, "os": "linux"}]
    found = {"Descriptor": descriptor, "Platforms": platforms, "Manifest": {"schemaVersion": 2, "of": architecture}}
    engine.answers[f"GET /distribution/{name}/json"] = (200, found)


def test_a_list_is_made_annotated_shown_and_pushed(engine: FakeEngine, run: Run, folder: Path) -> None:
    answer(engine, "r.io/a:amd64", DIGEST, "amd64")
    answer(engine, "r.io/a:arm", "sha256:" + "2" * 64, "arm")
    created = run("manifest", "create", "r.io/a:1", "r.io/a:amd64", "r.io/a:arm")
    assert created.stdout == "Created manifest list r.io/a:1\n"
    assert sorted(path.name for path in (folder / "r.io_a-1").iterdir()) == ["r.io_a-amd64", "r.io_a-arm"]
    annotated = run("manifest", "annotate", "r.io/a:1", "r.io/a:arm", "--variant", "v7", "--os-features", "x,y")
    assert annotated.exit_code == 0, annotated.stderr
    listed = json.loads(run("manifest", "inspect", "r.io/a:1").stdout)
    assert [entry["platform"] for entry in listed["manifests"]] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm", "os": "linux", "os.features": ["x", "y"], "variant": "v7"},
    ]
    assert json.loads(run("manifest", "inspect", "r.io/a:1", "r.io/a:arm").stdout)["of"] == "arm"
    engine.answers["PUT /distribution/r.io/a:1/json"] = (200, {"Digest": "sha256:list"})
    assert run("manifest", "push", "--purge", "--insecure", "r.io/a:1").stdout == "sha256:list\n"
    sent = engine.sent("PUT", "/distribution/r.io/a:1/json")
    assert sent.query == {"insecure": ["1"]}
    assert [one["Ref"] for one in sent.json()["Manifests"]] == ["r.io/a:amd64", "r.io/a:arm"]
    assert list(folder.iterdir()) == []


def test_a_list_that_is_there_is_only_amended_when_asked(engine: FakeEngine, run: Run, folder: Path) -> None:
    answer(engine, "a:amd64", DIGEST, "amd64")
    assert run("manifest", "create", "a", "a:amd64").stdout == "Created manifest list docker.io/library/a:latest\n"
    refused = run("manifest", "create", "a", "a:amd64")
    assert (refused.exit_code, "refusing to amend" in refused.stderr) == (1, True)
    assert run("manifest", "create", "--amend", "a", "a:amd64").exit_code == 0


def test_lists_are_removed_by_name(engine: FakeEngine, run: Run, folder: Path) -> None:
    answer(engine, "a:amd64", DIGEST, "amd64")
    run("manifest", "create", "a", "a:amd64")
    removed = run("manifest", "rm", "a", "nope")
    assert (removed.exit_code, removed.stderr) == (1, "No such manifest: nope\n")
    assert list(folder.iterdir()) == []


def test_what_is_not_there_is_said_to_be_so(engine: FakeEngine, run: Run, folder: Path) -> None:
    assert "a not found" in run("manifest", "push", "a").stderr
    assert "No such manifest: a:1 in a" in run("manifest", "annotate", "a", "a:1").stderr
    engine.answers["GET /distribution/a:1/json"] = (200, {"Descriptor": {}, "Manifest": {"manifests": []}})
    assert "a:1 is a manifest list" in run("manifest", "create", "a", "a:1").stderr


def test_without_a_platform_nothing_is_pushed(engine: FakeEngine, run: Run, folder: Path) -> None:
    answer(engine, "a:1", DIGEST, "")
    run("manifest", "create", "a", "a:1")
    assert "must have an OS and Architecture" in run("manifest", "push", "a").stderr
