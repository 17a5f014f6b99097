"""update: resources from options."""

import pytest

from lowrt.commands import update
from lowrt.errors import InvalidArgument
from tests.fakes.lowrt_containers import Stage, values
from tests.unit.lowrt.commands.conftest import Call


def test_options_become_resources() -> None:
    words = (
        "--memory",
        "64m",
        "--memory-swap",
        "-1",
        "--cpu-share",
        "512",
        "--cpuset-cpus",
        "0-1",
        "--pids-limit",
        "9",
    )
    options, _ = values(update.GRAMMAR, *words, "c1")
    assert update.from_options(options) == {
        "memory": {"limit": 64 << 20, "swap": -1},
        "cpu": {"shares": 512, "cpus": "0-1"},
        "pids": {"limit": 9},
    }


SIZES = {
    "5": 5,
    "5b": 5,
    "1k": 1024,
    "1K": 1024,
    "1kb": 1024,
    "1KiB": 1024,
    "1.5m": 3 << 19,
    "2g": 2 << 30,
    "1 g": 1 << 30,
    ".5k": 512,
    "3t": 3 << 40,
    "-1": -1,
}


@pytest.mark.parametrize(("text", "size"), SIZES.items())
def test_sizes(text: str, size: int) -> None:
    assert update.parse_size("memory", text) == size


@pytest.mark.parametrize("text", ["x", "", "m", "1x", "--1", "inf", "nan", "1_0", "-5", "1e3", ".", " 1"])
def test_what_is_no_size_is_refused_in_runcs_words(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        update.parse_size("memory", text)
    assert str(caught.value) == f"invalid value for memory: invalid size: '{text}'"


def test_a_number_must_be_one(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    assert lowrt("update", "--cpu-share", "many", "c1")[2] == (
        'invalid value for cpu-share: strconv.ParseUint: parsing "many": invalid syntax\n'
    )
    for option, text in (("--cpu-period", "-1"), ("--cpu-quota", "1_000"), ("--pids-limit", " 9")):
        assert lowrt("update", option, text, "c1")[0] == 1


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--l3-cache-schema", "Intel RDT/CAT: l3 cache schema is not enabled"),
        ("--mem-bw-schema", "Intel RDT/MBA: memory bandwidth schema is not enabled"),
    ],
)
def test_what_is_not_there_is_refused_in_runcs_words(stage: Stage, lowrt: Call, option: str, words: str) -> None:
    stage.record("c1")
    assert lowrt("update", option, "1", "c1") == (1, "", f"{words}\n")


def test_limits_of_the_kernels_memory_are_read_and_warned_of(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    log = stage.folder / "log"
    assert lowrt("--log", str(log), "update", "--kernel-memory", "1m", "c1")[2] == "container not running\n"
    assert "Kernel memory settings are ignored" in log.read_text()
    assert "invalid size" in lowrt("update", "--kernel-memory-tcp", "much", "c1")[2]


def test_a_stopped_container_is_refused(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    assert lowrt("update", "--pids-limit", "9", "c1") == (1, "", "container not running\n")


def test_a_file_is_checked(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    (stage.folder / "resources").write_text('{"memory": {"limit": "much"}}')
    status, _, err = lowrt("update", "-r", str(stage.folder / "resources"), "c1")
    assert status == 1
    assert "limit" in err
    assert lowrt("update", "-r", "/nonexistent", "c1")[2] == "open /nonexistent: no such file or directory\n"
