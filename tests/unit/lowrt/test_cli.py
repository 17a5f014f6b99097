"""The command line's frame: global options, unknown verbs, and how a failure is told."""

import json
from pathlib import Path

import pytest

from lowrt import cli
from tests.fakes.lowrt_containers import Stage


def test_no_words_print_the_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "COMMANDS:" in capfd.readouterr().out


@pytest.mark.parametrize("word", ["--version", "-v"])
def test_the_version_has_runcs_form(capfd: pytest.CaptureFixture[str], word: str) -> None:
    assert cli.main([word]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("lowrt version ")
    assert lines[1].startswith("spec: ")


def test_an_unknown_verb_is_status_3(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bogus"]) == 3
    assert "No help topic for 'bogus'" in capfd.readouterr().err


def test_an_unknown_global_option_shows_the_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--bogus"]) == 1
    captured = capfd.readouterr()
    assert captured.out.startswith("Incorrect Usage: flag provided but not defined: -bogus\n")
    assert "flag provided but not defined: -bogus" in captured.err


def test_an_unknown_log_format_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--log-format", "xml", "list"]) == 1
    assert "invalid log-format: xml" in capfd.readouterr().err


def test_a_failure_goes_to_the_log_and_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.json"
    words = ["--root", str(tmp_path), "--log", str(log), "--log-format", "json", "state", "nobody"]
    assert cli.main(words) == 1
    assert capfd.readouterr().err == "container does not exist\n"
    line = json.loads(log.read_text())
    assert (line["level"], line["msg"], line["code"]) == ("error", "container does not exist", "not_found")
    assert list(line) == sorted(line)


def test_a_verb_has_help_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["kill", "--help"]) == 0
    assert "lowrt kill" in capfd.readouterr().out


def test_every_verb_has_its_module() -> None:
    for verb in cli.VERBS:
        module = __import__(f"lowrt.commands.{verb}", fromlist=["run"])
        assert module.GRAMMAR.summary
        assert callable(module.run)


def test_a_defect_of_ours_is_said_to_be_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Stage(tmp_path).record("c1", init=None)
    assert cli.main(["--root", str(tmp_path / "root"), "state", "c1"]) == 1
    assert "internal error: TypeError" in capfd.readouterr().err
