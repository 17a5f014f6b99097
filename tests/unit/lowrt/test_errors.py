"""Words: what Go says, from what Python says."""

import errno
import os

import pytest

from lowrt import errors


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOENT, "mount: No such file or directory", "/x"), "mount /x: no such file or directory"),
        (OSError(errno.EPERM, "Operation not permitted"), "operation not permitted"),
        (OSError(errno.ENOENT, "No such file or directory", "/a", None, "/b"), "/a /b: no such file or directory"),
        (errors.Fault("as it is"), "as it is"),
        (ValueError("also"), "also"),
    ],
)
def test_a_failed_call_is_told_as_go_tells_it(error: Exception, words: str) -> None:
    assert errors.describe(error) == words


def test_naming_adds_the_call() -> None:
    try:
        os.chdir("/nonexistent")
    except OSError as error:
        named = errors.naming("chdir", error)
    assert isinstance(named, FileNotFoundError)
    assert errors.describe(named) == "chdir /nonexistent: no such file or directory"


def test_each_class_has_a_code_for_the_log() -> None:
    codes = [kind.code for kind in (errors.NotFound, errors.AlreadyExists, errors.InvalidArgument)]
    assert codes == ["not_found", "already_exists", "invalid_argument"]
    assert errors.Fault("x").code == ""


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (errors.container_not_found(), "container does not exist"),
        (errors.container_exists(), "container with given ID already exists"),
        (errors.container_not_running(), "container not running"),
        (errors.container_not_paused(), "container not paused"),
        (errors.executable_not_found("x"), 'exec: "x": executable file not found in $PATH'),
        (errors.executable_unusable("x", "permission denied"), 'exec: "x": permission denied'),
        (
            errors.cwd_failed("/x", OSError(errno.ENOTDIR, "")),
            'chdir to cwd ("/x") set in config.json failed: not a directory',
        ),
        (errors.unsupported("--x"), "--x is not supported by lowrt"),
    ],
)
def test_the_sentences_that_others_match(fault: errors.Fault, words: str) -> None:
    assert str(fault) == words
