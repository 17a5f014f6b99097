"""Sandbox records as a Protocol."""

from supervisor.core.sandboxes import Sandbox, SandboxStore
from supervisor.metadata.sandboxes import SandboxTable
from tests.contract.protocols import assert_implements


def test_the_table_is_a_sandbox_store() -> None:
    """Every method, with the same parameters."""
    assert_implements(SandboxTable, SandboxStore)


def test_two_sandboxes_share_no_labels() -> None:
    """Each has its own."""
    assert Sandbox("a").labels is not Sandbox("b").labels
