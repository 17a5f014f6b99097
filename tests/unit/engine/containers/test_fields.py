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


@pytest.mark.parametrize(
    ("table", "name", "value", "words"),
    [
        ("CONFIG", "Image", 1, "cannot unmarshal number into Go struct field Config.Image of type string"),
        ("CONFIG", "Tty", "x", "cannot unmarshal string into Go struct field Config.Tty of type bool"),
        ("CONFIG", "Env", {}, "cannot unmarshal object into Go struct field Config.Env of type []string"),
        ("HOST_CONFIG", "Memory", "1g", "cannot unmarshal string into Go struct field Config.Memory of type int64"),
        ("HOST_CONFIG", "Memory", 1.5, "cannot unmarshal number 1.5 into Go struct field Config.Memory of type int64"),
        ("HOST_CONFIG", "Privileged", 1, "cannot unmarshal number into Go struct field Config.Privileged of type bool"),
        ("HOST_CONFIG", "Sysctls", [], "cannot unmarshal array into Go struct field Config.Sysctls"),
    ],
)
def test_each_wrong_type_is_named(table: str, name: str, value: object, words: str) -> None:
    """As encoding/json would."""
    with pytest.raises(InvalidArgument) as caught:
        fields.complete(getattr(fields, table), {name: value}, "Config")
    assert words in str(caught.value)


def test_a_document_that_is_none() -> None:
    """A list is no HostConfig."""
    with pytest.raises(InvalidArgument, match="cannot unmarshal array into Go value of type HostConfig"):
        fields.complete(fields.HOST_CONFIG, [1], "HostConfig")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "given"),
    [
        ("CONFIG", {"Env": [1]}),
        ("CONFIG", {"Cmd": ["sh", None, {}]}),
        ("CONFIG", {"Labels": {"a": 1}}),
        ("HOST_CONFIG", {"Binds": [["a"]]}),
        ("HOST_CONFIG", {"CapAdd": [1]}),
        ("HOST_CONFIG", {"Sysctls": {"a": {}}}),
        ("HOST_CONFIG", {"RestartPolicy": {"MaximumRetryCount": "x"}}),
    ],
)
def test_elements_have_types_too(table: str, given: dict) -> None:
    """Go refuses them when it decodes; later they would be defects."""
    with pytest.raises(InvalidArgument, match="cannot unmarshal"):
        fields.complete(getattr(fields, table), given, "Config")


def test_null_is_the_default() -> None:
    """Clients send both."""
    assert fields.complete(fields.CONFIG, {"Tty": None, "Env": None}, "Config") == fields.complete(
        fields.CONFIG, {}, "Config"
    )


def test_what_is_null_stays_apart_from_zero_where_docker_keeps_it_apart() -> None:
    """A limit of no processes is another thing than no limit."""
    none, zero = (
        fields.complete(fields.HOST_CONFIG, given, "HostConfig")
        for given in ({}, {"MemorySwappiness": 0, "PidsLimit": 0})
    )
    assert (none["MemorySwappiness"], none["PidsLimit"]) == (None, None)
    assert (zero["MemorySwappiness"], zero["PidsLimit"]) == (0, 0)


def test_inspect_shows_empty_lists_as_the_client_sent_them() -> None:
    """Compose compares what it sent with what it reads."""
    done = fields.complete(fields.HOST_CONFIG, {"Binds": [], "CapAdd": None, "Init": False}, "HostConfig")
    shown = fields.shown(fields.HOST_CONFIG, done)
    assert shown["Binds"] == []
    assert shown["CapAdd"] is None
    assert shown["Init"] is False


def test_what_inspect_shows_can_be_created_again() -> None:
    """Tools re-create containers from it."""
    given = {"Cmd": ["a"], "Env": ["A=1"], "Labels": {"x": "y"}, "Healthcheck": {"Test": ["NONE"]}, "StopTimeout": 0}
    done = fields.complete(fields.CONFIG, given, "Config")
    assert fields.complete(fields.CONFIG, fields.shown(fields.CONFIG, done), "Config") == done


@pytest.mark.parametrize(("given", "kept"), [([24, 80], [24, 80]), ([24], [24, 0]), ([], [0, 0]), ([1, 2, 3], [1, 2])])
def test_a_size_has_two_numbers(given: list[int], kept: list[int]) -> None:
    assert fields.complete(fields.HOST_CONFIG, {"ConsoleSize": given}, "HostConfig")["ConsoleSize"] == kept


@pytest.mark.parametrize("given", ["24x80", [24, "80"], [-1, 80], {"h": 1}])
def test_what_is_no_size_is_refused(given: object) -> None:
    with pytest.raises(InvalidArgument, match="ConsoleSize"):
        fields.complete(fields.HOST_CONFIG, {"ConsoleSize": given}, "HostConfig")


def test_a_health_check_keeps_what_says_something() -> None:
    given = {"Test": ["CMD", "true"], "Interval": 0, "StartPeriod": None, "Retries": 1}
    done = fields.complete(fields.CONFIG, {"Healthcheck": given}, "Config")
    assert done["Healthcheck"] == {"Test": ["CMD", "true"], "Retries": 1}


def test_a_port_binding_has_both_its_words() -> None:
    """As inspect shows them."""
    given = {"PortBindings": {"80/tcp": [{"HostPort": "8080"}, {"hostip": "::1"}], "81/tcp": None}}
    assert fields.complete(fields.HOST_CONFIG, given, "HostConfig")["PortBindings"] == {
        "80/tcp": [{"HostIp": "", "HostPort": "8080"}, {"HostIp": "::1", "HostPort": ""}],
        "81/tcp": None,
    }


@pytest.mark.parametrize("entries", ["80", ["80"], [{"HostPort": 80}]])
def test_what_is_no_port_binding_is_refused(entries: object) -> None:
    with pytest.raises(InvalidArgument, match="cannot unmarshal"):
        fields.complete(fields.HOST_CONFIG, {"PortBindings": {"80/tcp": entries}}, "HostConfig")
