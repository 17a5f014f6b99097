"""`wherry manifest inspect`."""

import json

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
