"""What a failed start means."""

import pytest

from engine.containers.launch_faults import reworded, translate
from proto.errdefs import Fault, InvalidArgument, NotFound


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('exec: "x": executable file not found in $PATH', 127),
        ("no such file or directory", 127),
        ("Permission denied", 126),
        ("is a directory", 126),
        ("not a directory", 127),
    ],
)
def test_the_callers_own_mistakes(text: str, code: int) -> None:
    found, fault = translate(Fault(text))
    assert found == code
    assert isinstance(fault, InvalidArgument)


def test_anything_else_is_128_and_stays_what_it_was() -> None:
    fault = Fault("boom")
    assert translate(fault) == (128, fault)


def test_words_come_in_front_and_unknown_behind() -> None:
    assert str(reworded(Fault("x"), "failed to create task for container")) == (
        "failed to create task for container: x: unknown"
    )
    assert str(reworded(NotFound("x"), "p")) == "p: x"
