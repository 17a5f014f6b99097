"""Container records as a Protocol."""

from supervisor.core.containers import Container, ContainerStore
from supervisor.metadata.containers import ContainerTable
from tests.contract.protocols import assert_implements


def test_the_table_is_a_container_store() -> None:
    """Every method, with the same parameters."""
    assert_implements(ContainerTable, ContainerStore)


def test_two_containers_share_no_labels() -> None:
    """Nor extensions."""
    assert Container("a").labels is not Container("b").labels
