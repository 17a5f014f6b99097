"""A container's labels."""

import re

import pytest

from engine.security import labels
from engine.security.labels import Context, Labeller, Labels, Policy
from proto.errdefs import InvalidArgument

POLICY = Policy("system_u:system_r:container_t:s0", "system_u:object_r:container_file_t:s0")


def test_processes_and_files_of_a_container_have_the_same_two_categories() -> None:
    found = POLICY.choose((), ())
    level = Context.parse(found.process).level
    assert re.fullmatch(r"s0:c\d+,c\d+", level)
    assert found == Labels(f"system_u:system_r:container_t:{level}", f"system_u:object_r:container_file_t:{level}")
    first, second = (int(number) for number in re.findall(r"c(\d+)", level))
    assert first < second < 1024


@pytest.mark.parametrize(
    ("options", "process", "mount"),
    [
        (["level:s0:c1,c2"], "system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"),
        (
            ["level:s0:c1", "user:u", "role:r", "type:t", "filetype:f"],
            "u:r:t:s0:c1",
            "u:object_r:f:s0:c1",
        ),
        (["disable"], "", "system_u:object_r:container_file_t:s0:c1022,c1023"),
        (["type:t", "disable"], "", "system_u:object_r:container_file_t:s0:c1022,c1023"),
    ],
)
def test_options_change_what_dockerd_changes(options: list[str], process: str, mount: str) -> None:
    assert POLICY.choose(options, ()) == Labels(process, mount)


@pytest.mark.parametrize("option", ["nested", "nested:true", "s0:c1", "colour:red", ""])
def test_other_options_are_refused_in_dockerds_words(option: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^bad label option \"{option}\", valid options 'disable' or \n"):
        POLICY.choose([option], ())


def test_a_policy_without_levels_has_none() -> None:
    assert Policy("u:r:t", "u:r:f").choose((), ()) == Labels("u:r:t", "u:r:f")


def test_a_policy_that_knows_no_containers_labels_none() -> None:
    assert Policy("", "u:r:f:s0").choose((), ()) == Labels("", "u:r:f:s0")
    assert Policy("", "").choose(("disable",), ()) == Labels()


def test_no_two_containers_have_the_same_categories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "_CATEGORIES", 4)
    labeller, found = Labeller(POLICY), list[str]()
    for number in range(6):  # as many as there are pairs
        with labeller.taking(str(number)):
            found.append(labeller.take(str(number), (), found).process)
    assert len(set(found)) == 6
    with labeller.taking("a"), labeller.taking("b"):
        both = {labeller.take(name, (), found[:4]).process for name in "ab"}
        assert both == set(found[4:])


def test_what_is_shared_has_no_categories() -> None:
    assert labels.shared("system_u:object_r:container_file_t:s0:c1,c2") == POLICY.file


def test_a_label_can_be_asked_for_again() -> None:
    process = "system_u:system_r:container_t:s0:c1,c2"
    options = labels.as_options(process)
    assert options == ["label=user:system_u", "label=role:system_r", "label=type:container_t", "label=level:s0:c1,c2"]
    assert POLICY.choose([option.removeprefix("label=") for option in options], [process]).process == process
    assert labels.as_options("") == []


def test_half_a_label_is_none() -> None:
    with pytest.raises(InvalidArgument, match="^Invalid Label$"):
        Context.parse("a:b")
