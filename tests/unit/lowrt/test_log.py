"""Log lines, in logrus's forms."""

import json
import os
import re
from pathlib import Path

from lowrt.log import Log, timestamp


def written(tmp_path: Path, form: str, *, debug: bool = False) -> tuple[Log, Path]:
    path = tmp_path / "log"
    return Log.to_file(str(path), form, debug), path


def test_json_lines_have_runcs_keys_in_order(tmp_path: Path) -> None:
    log, path = written(tmp_path, "json")
    log.error('exec: "x": not <found>')
    line = path.read_text()
    assert re.fullmatch(r'\{"level":"error","msg":"exec: \\"x\\": not \\u003cfound\\u003e","time":"[^"]+"\}\n', line)
    assert json.loads(line)["msg"] == 'exec: "x": not <found>'


def test_a_code_stands_beside_the_message(tmp_path: Path) -> None:
    log, path = written(tmp_path, "json")
    log.write("error", "gone", "not_found")
    assert json.loads(path.read_text())["code"] == "not_found"


def test_text_lines_quote_what_needs_it(tmp_path: Path) -> None:
    log, path = written(tmp_path, "text")
    log.warning('a "b"\n\x07')
    assert re.fullmatch(r'time="[^"]+" level=warning msg="a \\"b\\"\\n\\x07"\n', path.read_text())


def test_debug_lines_come_only_when_asked_for(tmp_path: Path) -> None:
    log, path = written(tmp_path, "text")
    log.debug("hidden")
    assert path.read_text() == ""
    assert not log.debugging
    log, path = written(tmp_path, "text", debug=True)
    log.debug("shown")
    assert "level=debug msg=shown" in path.read_text()


def test_several_writers_append(tmp_path: Path) -> None:
    first, path = written(tmp_path, "json")
    second, _ = written(tmp_path, "json")
    first.error("1")
    second.error("2")
    assert [json.loads(line)["msg"] for line in path.read_text().splitlines()] == ["1", "2"]


def test_a_lone_surrogate_can_be_written(tmp_path: Path) -> None:
    log, path = written(tmp_path, "json")
    log.error("\udcff")
    assert "udcff" in path.read_text()


def test_time_is_rfc_3339() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", timestamp())


def test_a_fatal_error_is_echoed_unless_the_log_is_stderr_or_stderr_is_not_ours(tmp_path: Path) -> None:
    log, path = written(tmp_path, "json")
    assert log.echoes
    assert not Log().echoes
    quiet = Log.to_file(str(path), "json", debug=False, echo=False)
    assert not quiet.echoes
    quiet.close()
    log.close()
    Log().close()
    assert os.fstat(2)
