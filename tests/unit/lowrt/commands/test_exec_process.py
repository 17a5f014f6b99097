"""The process that exec runs."""

import json
from pathlib import Path

import pytest

from lowrt.commands import exec as exec_command
from lowrt.commands.exec_process import parse_id, process_from_file, process_from_options
from lowrt.errors import Fault, InvalidArgument, describe
from tests.fakes.lowrt_containers import CONFIG, Stage, values


def built(stage: Stage, *words: str) -> dict[str, object]:
    options, arguments = values(exec_command.GRAMMAR, *words)
    return process_from_options(stage.record(), options, arguments[1:])


def test_it_is_the_containers_with_other_arguments(stage: Stage) -> None:
    process = built(stage, "c1", "ls", "-l")
    assert process["args"] == ["ls", "-l"]
    assert process["terminal"] is False
    for key in ("env", "user", "cwd", "capabilities"):
        assert process[key] == CONFIG["process"][key]


def test_options_change_it(stage: Stage) -> None:
    process = built(
        stage, "-t", "--cwd", "/tmp", "-e", "A=b", "-u", "5:6", "-g", "7,8", "-g", "9", "--no-new-privs", "c1", "ls"
    )  # fmt: skip
    assert (process["terminal"], process["cwd"], process["noNewPrivileges"]) == (True, "/tmp", True)
    assert process["env"] == ["PATH=/bin", "A=b"]
    assert process["user"] == {"uid": 5, "gid": 6, "additionalGids": [3, 7, 8, 9]}


def test_capabilities_are_added_but_not_made_inheritable(stage: Stage) -> None:
    """CVE-2022-24769 and its kin."""
    capabilities = built(stage, "--cap", "CAP_CHOWN", "c1", "ls")["capabilities"]
    assert capabilities == {kind: ["CAP_KILL", "CAP_CHOWN"] for kind in ("bounding", "effective", "permitted")}


def test_the_recorded_configuration_is_left_as_it_is(stage: Stage) -> None:
    options, arguments = values(exec_command.GRAMMAR, "-u", "5", "-e", "A=b", "c1", "ls")
    container = stage.record()
    process_from_options(container, options, arguments[1:])
    assert container.spec.process["user"]["uid"] == 1
    assert container.spec.process["env"] == ["PATH=/bin"]


def test_without_arguments_it_is_refused(stage: Stage) -> None:
    with pytest.raises(InvalidArgument, match="process args cannot be empty"):
        built(stage, "c1")


@pytest.mark.parametrize("text", ["", "bogus", "0x0", " 0", "0 ", "1e3", "1_0", "٣", "--1", "+"])
def test_what_is_no_number_is_refused_in_runcs_words(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_id(text, "uid")
    assert str(caught.value) == f'parsing {text} as int for uid failed: strconv.Atoi: parsing "{text}": invalid syntax'


@pytest.mark.parametrize("text", ["-1", "2147483648", "4294967295", "4294967296", "99999999999999999999"])
def test_what_would_wrap_is_refused(text: str) -> None:
    """CVE-2024-40635: 4294967296 is root to whoever keeps 32 bits of it."""
    with pytest.raises(InvalidArgument, match="uids and gids must be in range 0-2147483647"):
        parse_id(text, "gid")


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("+5", 5), ("2147483647", (1 << 31) - 1), ("007", 7)])
def test_numbers_are_numbers(text: str, number: int) -> None:
    assert parse_id(text, "uid") == number


def test_a_document_is_taken_as_it_is(tmp_path: Path) -> None:
    document = {"args": ["x"], "cwd": "/", "terminal": True}
    (tmp_path / "p").write_text(json.dumps(document))
    assert process_from_file(str(tmp_path / "p")) == document


def test_a_missing_document_is_named_as_go_names_it() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        process_from_file("/nonexistent")
    assert describe(caught.value) == "open /nonexistent: no such file or directory"


def test_a_document_without_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p").write_text('{"args": ["x"]}')
    with pytest.raises(Fault, match="Cwd property must not be empty"):
        process_from_file(str(tmp_path / "p"))
