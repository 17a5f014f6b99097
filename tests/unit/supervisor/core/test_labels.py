"""Labels and which of them a snapshotter sees."""

import pytest

from proto.errdefs import InvalidArgument
from supervisor.core.labels import MAX_SIZE, inherited_labels, validate_labels


def test_a_label_of_the_greatest_size_is_accepted() -> None:
    """Key and value together."""
    validate_labels({"k": "v" * (MAX_SIZE - 1), "other": ""}, "info.Labels")


def test_a_larger_one_is_refused_with_the_start_of_its_key() -> None:
    """The length is told in bytes."""
    with pytest.raises(InvalidArgument) as raised:
        validate_labels({"ä" * 100: "v" * MAX_SIZE}, "info.Labels")
    assert str(raised.value) == (
        "info.Labels: label key and value length (4296 bytes) greater than maximum size (4096 bytes), "
        f"key: {'ä' * 64}: invalid argument"
    )


def test_only_snapshot_labels_reach_the_driver() -> None:
    """Those with the prefix, and the reference."""
    labels = {
        "a": "1",
        "containerd.io/snapshot/x": "2",
        "containerd.io/snapshot.ref": "3",
        "containerd.io/gc.root": "4",
    }
    assert inherited_labels(labels) == {"containerd.io/snapshot/x": "2", "containerd.io/snapshot.ref": "3"}
