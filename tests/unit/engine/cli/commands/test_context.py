"""`wherry context …`."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli.main import wherry
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.chdir(tmp_path)
    for name in ("DOCKER_HOST", "WHERRY_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def context(*words: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(wherry, ["context", *words], input=stdin, prog_name="wherry")


def listed() -> list[str]:
    return context("ls", "--format", "{{.Name}}{{if .Current}}*{{end}} {{.DockerEndpoint}}").stdout.splitlines()


def test_a_context_is_made_used_and_removed(folder: Path) -> None:
    made = context("create", "far", "--docker", "host=ssh://me@far", "--description", "the far one")
    assert (made.exit_code, made.stdout) == (0, "far\n")
    assert listed() == ["default* unix:///run/wherry/docker.sock", "far ssh://me@far"]
    assert context("use", "far").stdout == "far\n"
    assert listed() == ["default unix:///run/wherry/docker.sock", "far* ssh://me@far"]
    assert context("show").stdout == "far\n"
    refused = context("rm", "far")
    assert (refused.exit_code, "is in use" in refused.stderr) == (1, True)
    assert context("rm", "-f", "far").stdout == "far\n"
    assert context("show").stdout == "default\n"


def test_commands_go_to_the_context_in_use(served: tuple[FakeEngine, str], engine: FakeEngine) -> None:
    engine.answers["GET /volumes"] = (
        200,
        {"Volumes": [{"Name": "v", "Driver": "local", "Mountpoint": "/m", "Scope": "local"}]},
    )
    context("create", "near", "--docker", f"host={served[1]}")
    for words in (["--context", "near"], ["-c", "near"]):
        assert CliRunner().invoke(wherry, [*words, "volume", "ls", "-q"]).stdout == "v\n"
    context("use", "near")
    assert CliRunner().invoke(wherry, ["volume", "ls", "-q"]).stdout == "v\n"
    result = CliRunner().invoke(wherry, ["-c", "near", "-H", served[1], "ps"])
    assert "conflicting options: cannot specify both --host and --context" in result.stderr
    result = CliRunner().invoke(wherry, ["-c", "nope", "ps"])
    assert 'context "nope": context not found' in result.stderr


def test_the_environment_goes_before_the_one_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    context("create", "far", "--docker", "host=ssh://far")
    context("use", "far")
    monkeypatch.setenv("DOCKER_HOST", "unix:///x")
    assert context("show").stdout == "default\n"
    assert "DOCKER_HOST environment variable overrides" in context("use", "far").stderr
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    assert context("show").stdout == "other\n"


def test_a_context_moves_as_an_archive(folder: Path) -> None:
    for name in ("ca", "cert", "key"):
        (folder / f"{name}.pem").write_text(f"{name}!")
    context("create", "far", "--docker", "host=tcp://far:2376,ca=ca.pem,cert=cert.pem,key=key.pem,skip-tls-verify=true")
    assert context("export", "far").stdout == 'Written file "far.dockercontext"\n'
    assert (folder / "far.dockercontext").stat().st_mode & 0o777 == 0o600
    assert "File exists" in context("export", "far").stderr
    assert context("import", "again", "far.dockercontext").exit_code == 0
    streamed = context("export", "far", "-").stdout_bytes
    assert context("import", "third", "-", stdin=streamed).exit_code == 0
    one, two = json.loads(context("inspect", "far", "third").stdout)
    assert one["Endpoints"] == two["Endpoints"]
    assert one["TLSMaterial"] == two["TLSMaterial"] == {"docker": ["ca.pem", "cert.pem", "key.pem"]}
    assert (Path(two["Storage"]["TLSPath"]) / "docker" / "key.pem").read_text() == "key!"


def test_names_in_an_archive_are_no_paths(folder: Path) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in ("meta.json", "tls/docker/../../../evil", "/evil", "tls/docker/ca.pem"):
            body = json.dumps({"Name": "../x", "Endpoints": {"docker": {"Host": "ssh://far"}}}).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    assert context("import", "fine", "-", stdin=content.getvalue()).exit_code == 0
    assert listed()[1] == "fine ssh://far"
    assert not list(folder.rglob("*evil*"))
    assert not Path("/evil").exists()


def test_a_copy_and_a_change(folder: Path) -> None:
    context("create", "one", "--docker", "host=ssh://one", "--description", "first")
    assert context("create", "two", "--from", "one").exit_code == 0
    assert context("update", "two", "--docker", "host=ssh://two", "--description", "second").stdout == "two\n"
    assert listed()[1:] == ["one ssh://one", "two ssh://two"]
    assert context("ls", "-q").stdout == "default\none\ntwo\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("create", "default"), "reserved context name"),
        (("create", "../x"), "is invalid"),
        (("create", "xx", "--docker", "nope=1"), 'unrecognized config key: "nope"'),
        (("create", "xx", "--docker", "ca=x"), "No such file"),
        (("create", "xx", "--docker", "host=ftp://x"), "unable to parse host"),
        (("use", "nope"), "context not found"),
        (("update", "nope"), "context not found"),
        (("rm", "default"), "cannot be removed"),
        (("inspect", "nope"), "context not found"),
        (("import", "xx", "nope.tar"), "is no exported context"),
    ],
)
def test_refusals(words: tuple[str, ...], complaint: str) -> None:
    result = context(*words)
    assert (result.exit_code, complaint in result.stderr) == (1, True), result.stderr


def test_a_context_that_is_gone_does_not_lock_its_commands(folder: Path) -> None:
    """Whatever is in use, another can be chosen."""
    (folder / "docker").mkdir()
    (folder / "docker" / "config.json").write_text('{"currentContext": "gone"}')
    assert context("use", "default").exit_code == 0


def test_the_fixture_of_a_host_counts(run: Run, served: tuple[FakeEngine, str]) -> None:
    assert run("context", "show").stdout == "default\n"
