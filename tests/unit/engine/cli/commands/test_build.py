"""`wherry build`."""

import base64
import json
from pathlib import Path

import pytest

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run

_LINES = b'{"stream":"Step 1/1 : FROM x"}\n{"stream":"\\n"}\n{"aux":{"ID":"sha256:abc"}}\n{"stream":"done\\n"}\n'


@pytest.fixture
def context(tmp_path: Path) -> str:
    """A directory with a Dockerfile."""
    (tmp_path / "c").mkdir()
    (tmp_path / "c/Dockerfile").write_text("FROM x\n")
    return str(tmp_path / "c")


def test_flags_become_parameters(
    engine: FakeEngine, run: Run, context: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAKEN", "mine")
    engine.answers["POST /build"] = (200, _LINES)
    result = run(
        *("build", "-t", "a", "-t", "b:1", "--build-arg", "A=1=2", "--build-arg", "TAKEN", "--build-arg", "ABSENT_X"),
        *("--label", "l=v", "--target", "t", "--no-cache", "--pull", "--shm-size", "64m", "--add-host", "h:1"),
        *("--iidfile", str(tmp_path / "id"), context),
    )
    assert result.output == "Step 1/1 : FROM x\ndone\n"
    query = engine.sent("POST", "/build").query
    assert query["t"] == ["a", "b:1"]
    assert json.loads(query["buildargs"][0]) == {"A": "1=2", "TAKEN": "mine"}
    assert (json.loads(query["labels"][0]), json.loads(query["extrahosts"][0])) == ({"l": "v"}, ["h:1"])
    assert (query["target"], query["nocache"], query["pull"], query["shmsize"]) == (["t"], ["1"], ["1"], ["67108864"])
    assert (tmp_path / "id").read_text() == "sha256:abc"


def test_a_failure_is_told_and_ends_with_1(engine: FakeEngine, run: Run, context: str) -> None:
    engine.answers["POST /build"] = (200, b'{"stream":"x\\n"}\n{"error":"e","errorDetail":{"message":"why"}}\n')
    result = run("build", context)
    assert (result.exit_code, result.stdout, result.stderr.strip()) == (1, "x\n", "why")


def test_quiet_and_json(engine: FakeEngine, run: Run, context: str) -> None:
    engine.answers["POST /build"] = (200, b'{"stream":"sha256:abc\\n"}\n')
    assert run("build", "-q", context).output == "sha256:abc\n"
    assert run("build", "--progress", "json", context).output == '{"stream": "sha256:abc\\n"}\n'


def test_secrets_travel_in_a_header(
    engine: FakeEngine, run: Run, context: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_TOKEN", "canary")
    (tmp_path / "s").write_bytes(b"\x00file")
    engine.answers["POST /build"] = (200, _LINES)
    run("build", "--secret", "id=e,env=THE_TOKEN", "--secret", f"id=f,src={tmp_path}/s", context)
    request = engine.sent("POST", "/build")
    headers = {name.lower(): value for name, value in request.headers.items()}
    document = json.loads(base64.urlsafe_b64decode(headers["x-wherry-build-secrets"]))
    assert {name: base64.b64decode(value) for name, value in document.items()} == {"e": b"canary", "f": b"\x00file"}
    assert "canary" not in str(request.query)


@pytest.mark.parametrize("secret", ["nothing", "id=a,env=ABSENT_X", "id=a,src=/nonexistent", "id=a,type=ssh"])
def test_a_secret_that_is_not_there_is_told_of(run: Run, context: str, secret: str) -> None:
    result = run("build", "--secret", secret, context)
    assert result.exit_code == 1
    assert "--secret" in result.stderr


def test_what_goes_beside_the_request_needs_a_channel(run: Run, context: str, tmp_path: Path) -> None:
    """The fake engine has none, and says so in its own way; what is asked before is shown here."""
    (tmp_path / "s").write_bytes(b"x" * 9000)
    for words in (
        ["--secret", f"id=f,src={tmp_path}/s"],
        ["-o", str(tmp_path / "out")],
        ["--build-context", f"other={tmp_path}"],
    ):
        assert "no /build/channel here" in run("build", *words, context).stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-o", "out", "-t", "x"], "--output writes files"),
        (["-o", "type=oci,dest=x"], "type=oci is not supported"),
        (["--build-context", "x"], "NAME=FOLDER"),
        (["--build-context", "x=https://y"], "neither a folder"),
        (["--ssh", "default=/nonexistent"], "not an agent's socket"),
        (["--ulimit", "nofile"], "invalid ulimit"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(run: Run, context: str, words: list[str], told: str) -> None:
    assert told in run("build", *words, context).stderr
