"""run takes what create takes, and more."""

from lowrt.commands import create, run
from tests.fakes.lowrt_containers import values


def test_it_has_all_of_creates_options() -> None:
    assert set(create.OPTIONS) <= set(run.OPTIONS)


def test_its_own_options() -> None:
    options, _ = values(run.GRAMMAR, "-d", "--keep", "--no-subreaper", "c1")
    assert options.flag("detach")
    assert options.flag("keep")
    assert options.flag("no-subreaper")


def test_its_failures_are_prefixed_as_runcs() -> None:
    assert (run.GRAMMAR.failure, create.GRAMMAR.failure) == ("runc run failed", "runc create failed")
