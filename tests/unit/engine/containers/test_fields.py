"""Config and HostConfig, made complete."""

import pytest

from engine.containers import fields
from proto.errdefs import InvalidArgument


def test_names_match_without_regard_to_case_and_unknown_ones_are_ignored() -> None:
    done = fields.complete(fields.CONFIG, {"image": "x", "Whatever": 1}, "Config")
    assert done["Image"] == "x"
    assert "Whatever" not in done


def test_a_lone_word_is_a_list_of_one() -> None:
    assert fields.complete(fields.CONFIG, {"Cmd": "ls"}, "Config")["Cmd"] == ["ls"]


@pytest.mark.parametrize(("name", "value"), [("Env", "x"), ("Tty", "yes"), ("StopTimeout", True), ("Labels", [])])
def test_wrong_types_are_refused_in_gos_words(name: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=f"json: cannot unmarshal .* Go struct field Config.{name}"):
        fields.complete(fields.CONFIG, {name: value}, "Config")


def test_inspect_leaves_out_what_docker_leaves_out() -> None:
    shown = fields.shown(fields.CONFIG, fields.complete(fields.CONFIG, {}, "Config"))
    assert "Healthcheck" not in shown
    assert shown["Env"] is None


def test_defaults_are_not_shared() -> None:
    one = fields.complete(fields.HOST_CONFIG, {}, "HostConfig")
    one["LogConfig"]["Type"] = "none"
    assert fields.complete(fields.HOST_CONFIG, {}, "HostConfig")["LogConfig"]["Type"] == ""
