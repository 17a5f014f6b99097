"""`wherry load`."""

from pathlib import Path

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_the_archive_is_sent_as_it_is(engine: FakeEngine, run: Run, tmp_path: Path) -> None:
    """From a file or from standard input."""
    (tmp_path / "a.tar").write_bytes(b"tar" * 100_000)
    engine.answers["POST /images/load"] = (200, b'{"stream":"Loaded image: x:latest\\n"}\n')
    assert run("load", "-i", str(tmp_path / "a.tar")).output == "Loaded image: x:latest\n"
    assert engine.sent("POST", "/images/load").body == b"tar" * 100_000
    engine.requests.clear()
    run("load", stdin=b"piped")
    assert engine.sent("POST", "/images/load").body == b"piped"


def test_a_missing_file_is_named(run: Run, tmp_path: Path) -> None:
    """Before anything is sent."""
    absent = str(tmp_path / "absent")
    assert f"open {absent}: no such file or directory" in run("load", "-i", absent).stderr


def test_several_platforms_are_asked_for_in_the_version_that_has_them(engine: FakeEngine, run: Run) -> None:
    engine.answers["POST /images/load"] = (200, b'{"stream":"Loaded image: x:latest\\n"}\n')
    run("load", "--platform", "linux/amd64,linux/arm64/v8", stdin=b"tar")
    sent = engine.sent("POST", "/images/load")
    assert sent.query["platform"] == [
        '{"os": "linux", "architecture": "amd64"}',
        '{"os": "linux", "architecture": "arm64", "variant": "v8"}',
    ]
    assert sent.version == "1.52"
