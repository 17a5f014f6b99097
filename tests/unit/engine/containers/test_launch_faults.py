"""What a failed start means."""

import pytest

from engine.containers.launch_faults import reworded, translate
from proto.errdefs import Fault, InvalidArgument, NotFound, Unavailable


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


def test_words_come_in_front_and_no_class_behind() -> None:
    for text in ("x", "x: unknown"):
        assert str(reworded(Fault(text), "failed to create task for container")) == (
            "failed to create task for container: x"
        )


def test_a_folder_is_told_in_the_words_that_the_cli_reads() -> None:
    assert str(translate(Fault('exec: "/etc": is a directory'))[1]).endswith("is a directory: permission denied")


def test_the_class_of_a_fault_stays() -> None:
    assert str(reworded(NotFound("x"), "p")) == "p: x"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('OCI runtime create failed: exec: "/etc": is a directory', 126),
        ('exec: "/x": permission denied', 126),
        ("fork/exec /x: Is a directory", 126),
        ('exec: "nope": executable file not found in $PATH', 127),
        ("stat /nope: no such file or directory", 127),
        ("the system cannot find the file specified", 127),
        ("failed to run runc create/exec call", 127),
        ('mounting "/etc/passwd" to rootfs at "/x": not a directory', 127),
        ("no such device", 128),
        ("network nope not found", 128),
        ("", 128),
    ],
)
def test_exit_codes_are_found_in_the_words(text: str, code: int) -> None:
    """moby's setExitCodeFromError reads them the same way."""
    assert translate(Fault(text))[0] == code


def test_invocability_goes_before_existence() -> None:
    """Both may be named in one sentence."""
    assert translate(Fault("permission denied: no such file or directory"))[0] == 126


def test_a_folder_on_a_file_gets_a_hint() -> None:
    """The commonest mistake with -v."""
    _, fault = translate(Fault("not a directory"))
    assert str(fault) == (
        "not a directory: Are you trying to mount a directory onto a file (or vice-versa)? "
        "Check if the specified host path exists and is the expected type"
    )


def test_a_class_survives_the_new_words() -> None:
    """Its status must not change."""
    assert type(reworded(Unavailable("x"), "p")) is Unavailable
    assert str(reworded(Unavailable("x"), "")) == "x"
