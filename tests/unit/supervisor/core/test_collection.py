"""The collector as its users see it."""

from supervisor.core.collection import CollectionStats, Collector
from supervisor.metadata.scheduler import Scheduler
from tests.contract.protocols import assert_implements


def test_the_scheduler_is_a_collector() -> None:
    """Every method, with the same parameters."""
    assert_implements(Scheduler, Collector)


def test_a_run_that_did_nothing_says_so() -> None:
    """Zero of everything."""
    assert CollectionStats() == CollectionStats(0, 0.0, 0.0)
