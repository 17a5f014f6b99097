"""exec's own options."""

import pytest

from lowrt.commands import exec as exec_command
from lowrt.errors import InvalidArgument
from tests.fakes.lowrt_containers import values


def test_the_commands_own_options_are_left_to_it() -> None:
    options, arguments = values(exec_command.GRAMMAR, "-t", "-e", "A=b,c", "c1", "ls", "-l", "--", "-d")
    assert options.flag("tty")
    assert not options.flag("detach")
    assert options.texts("env") == ["A=b,c"]
    assert arguments == ["c1", "ls", "-l", "--", "-d"]


@pytest.mark.parametrize(
    ("words", "below"),
    [
        ([], {}),
        (["sub"], {"": "sub"}),
        (["cpu,cpuacct:a", "memory:b"], {"cpu": "a", "cpuacct": "a", "memory": "b"}),
    ],
)
def test_cgroups_below(words: list[str], below: dict[str, str]) -> None:
    assert exec_command._cgroups_below(words) == below


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b"], "invalid --cgroup argument: a (missing <controller>: prefix)"),
        ([",cpu:a"], "invalid --cgroup argument: ,cpu:a (empty <controller> prefix)"),
        (["cpu:a", "cpu:b"], "invalid --cgroup argument(s): controller cpu specified multiple times"),
    ],
)
def test_cgroups_that_make_no_sense(words: list[str], message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        exec_command._cgroups_below(words)
    assert str(caught.value) == message


def test_its_failures_have_runcs_prefix_and_status() -> None:
    assert (exec_command.GRAMMAR.failure, exec_command.GRAMMAR.status) == ("exec failed", 255)
