"""`wherry import`."""

from pathlib import Path

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_a_file_is_sent(engine: FakeEngine, run: Run, tmp_path: Path) -> None:
    """Changes and message are parameters."""
    (tmp_path / "root.tar").write_bytes(b"tar" * 100_000)
    engine.answers["POST /images/create"] = (200, b'{"status":"sha256:x"}\n')
    result = run("import", "-c", "CMD sh", "-c", "ENV A=1", "-m", "why", str(tmp_path / "root.tar"), "mine:1")
    assert result.output == "sha256:x\n"
    request = engine.sent("POST", "/images/create")
    assert request.body == b"tar" * 100_000
    assert request.query == {
        "fromSrc": ["-"],
        "repo": ["mine"],
        "tag": ["1"],
        "changes": ["CMD sh", "ENV A=1"],
        "message": ["why"],
    }


def test_standard_input_is_sent(engine: FakeEngine, run: Run) -> None:
    """Without a name the image has none."""
    engine.answers["POST /images/create"] = (200, b'{"status":"sha256:x"}\n')
    assert run("import", "-", stdin=b"data").exit_code == 0
    assert engine.sent("POST", "/images/create").body == b"data"
    assert engine.sent("POST", "/images/create").query == {"fromSrc": ["-"]}


def test_an_address_is_the_engine_s_to_fetch(engine: FakeEngine, run: Run) -> None:
    """Nothing is sent."""
    engine.answers["POST /images/create"] = (200, b'{"status":"sha256:x"}\n')
    run("import", "http://host/x.tar", "mine")
    assert engine.sent("POST", "/images/create").query["fromSrc"] == ["http://host/x.tar"]
    assert engine.sent("POST", "/images/create").body == b""


def test_a_file_that_is_not_there(engine: FakeEngine, run: Run) -> None:
    """Said in Go's words, before the engine hears of it."""
    result = run("import", "/no/such.tar")
    assert "open /no/such.tar: no such file or directory" in result.stderr
    assert engine.requests == []
