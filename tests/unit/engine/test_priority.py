"""The engine's priority, and everybody's for what it starts; in processes of their own, to leave the tests' alone."""

import os
import subprocess
import sys

import pytest

SHOW = "import os, subprocess, sys; n = lambda: os.getpriority(os.PRIO_PROCESS, 0)\nfrom engine import priority\n"
CHILD = "int(subprocess.check_output(['nice']))"


def _run(script: str) -> str:
    words = [sys.executable, "-c", SHOW + script]
    return subprocess.run(words, capture_output=True, text=True, check=True, start_new_session=True).stdout.strip()


def _may_prefer() -> bool:
    return _run("priority.prefer(); print(n())") == "-5"


def test_it_is_taken_where_it_may_be() -> None:
    """Without the right to it everything stays as it was, and nothing fails."""
    assert _run("priority.prefer(); print(n())") in ("-5", str(os.getpriority(os.PRIO_PROCESS, 0)))


def test_a_priority_that_somebody_chose_stays() -> None:
    assert _run("os.setpriority(os.PRIO_PROCESS, 0, 3); priority.prefer(); print(n())") == "3"


def test_what_is_started_as_everybody_has_everybodys() -> None:
    if not _may_prefer():
        pytest.skip("the right to raise a priority is missing here")
    script = f"priority.prefer()\nwith priority.as_everybody(): child = {CHILD}\nprint(child, n())"
    assert _run(script) == "0 -5"


def test_as_everybody_changes_nothing_for_who_was_never_preferred() -> None:
    script = f"os.setpriority(os.PRIO_PROCESS, 0, 4)\nwith priority.as_everybody(): child = {CHILD}\nprint(child, n())"
    assert _run(script) == "4 4"
