"""The table of states, and a sentence for each refusal."""

import pytest

from lowrt.container.status import ALLOWED, CREATED, CREATING, PAUSED, RUNNING, STOPPED, check
from lowrt.errors import FailedPrecondition

EVERY = (CREATING, CREATED, RUNNING, PAUSED, STOPPED)


@pytest.mark.parametrize("verb", sorted(ALLOWED))
@pytest.mark.parametrize("status", EVERY)
def test_a_verb_is_allowed_or_refused_with_a_sentence(verb: str, status: str) -> None:
    if status in ALLOWED[verb]:
        check(verb, status, "c1")
        return
    with pytest.raises(FailedPrecondition) as caught:
        check(verb, status, "c1")
    assert str(caught.value)


@pytest.mark.parametrize(
    ("verb", "status", "words"),
    [
        ("start", STOPPED, "cannot start a container that has stopped"),
        ("start", RUNNING, "cannot start an already running container"),
        ("start", PAUSED, "cannot start a container in the paused state"),
        ("exec", STOPPED, "cannot exec in a stopped container"),
        ("exec", PAUSED, "cannot exec in a paused container (use --ignore-paused to override)"),
        ("pause", PAUSED, "container not running"),
        ("resume", RUNNING, "container not paused"),
        ("delete", RUNNING, "cannot delete container c1 that is not stopped: running"),
        ("events", STOPPED, "container with id c1 is not running"),
        ("update", STOPPED, "container not running"),
    ],
)
def test_the_sentences_are_runcs(verb: str, status: str, words: str) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        check(verb, status, "c1")
    assert str(caught.value) == words
