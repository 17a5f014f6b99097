"""Namespaces as a Protocol."""

from supervisor.core.identifiers import validate_identifier
from supervisor.core.namespaces import DEFAULT, NamespaceStore
from supervisor.metadata.namespaces import NamespaceTable
from tests.contract.protocols import assert_implements


def test_the_table_is_a_namespace_store() -> None:
    """Every method, with the same parameters."""
    assert_implements(NamespaceTable, NamespaceStore)


def test_the_default_namespace_is_an_identifier() -> None:
    """Like every other."""
    validate_identifier(DEFAULT)
