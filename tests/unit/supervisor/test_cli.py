"""The command line."""

from pathlib import Path

import pytest

from supervisor.cli import UsageError, configure, main, parse_flags

VALUED = {"address": "address", "a": "address"}
SWITCHES = {"version": "version", "v": "version"}


@pytest.mark.parametrize("words", [["-a", "X"], ["--a=X"], ["-address", "X"], ["--address", "X"], ["-address=X"]])
def test_flags_have_one_or_two_dashes_and_both_forms_of_value(words: list[str]) -> None:
    assert parse_flags(words, VALUED, SWITCHES).flags == {"address": "X"}


def test_flags_end_at_the_first_word_that_is_none() -> None:
    parsed = parse_flags(["-v", "config", "-a", "X"], VALUED, SWITCHES)
    assert parsed.flags == {"version": "true"}
    assert parsed.rest == ("config", "-a", "X")


@pytest.mark.parametrize(
    ("words", "message"), [(["-x"], "flag provided but not defined: -x"), (["-a"], "flag needs an argument: -a")]
)
def test_wrong_flags_are_refused_in_gos_words(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_flags(words, VALUED, SWITCHES)


def test_flags_win_over_the_file_and_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "c.toml"
    file.write_text('root = "/file"\nstate = "/file-state"\n[grpc]\ngid = 9\n')
    monkeypatch.chdir(tmp_path)
    config = configure({"config": str(file), "root": "r", "address": "/a.sock", "log-level": "debug"})
    assert (config.root, config.state) == (str(tmp_path / "r"), "/file-state")
    assert (config.grpc.address, config.grpc.gid, config.log_level) == ("/a.sock", 9, "debug")


def test_the_version_is_printed_as_containerds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("wherry-supervisor wherry ")


def test_config_default_prints_toml(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "default"]) == 0
    assert "[grpc]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nope"], "flag provided but not defined: -nope"),
        (["frobnicate"], "No help topic for 'frobnicate'"),
        (["config", "eat"], "config: expected default or dump"),
        (["publish"], "topic required to publish event: invalid argument"),
        (["-c", "/nowhere.toml"], "/nowhere.toml: No such file or directory"),
        (["-l", "loud", "config", "dump"], "log level 'loud'"),
    ],
)
def test_what_is_wrong_is_said_on_stderr_with_exit_code_one(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    assert message in capsys.readouterr().err


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-h"]) == 0
    assert "publish" in capsys.readouterr().out
