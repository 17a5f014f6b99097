"""Image records as a Protocol."""

from supervisor.core.images import Image, ImageStore
from supervisor.metadata.images import ImageTable
from tests.contract.protocols import assert_implements


def test_the_table_is_an_image_store() -> None:
    """Every method, with the same parameters."""
    assert_implements(ImageTable, ImageStore)


def test_two_images_share_no_labels() -> None:
    """Each has its own."""
    assert Image("a").labels is not Image("b").labels
