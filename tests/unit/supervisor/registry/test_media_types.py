import pytest

from supervisor.core.digests import Descriptor
from supervisor.registry import media_types as m


@pytest.mark.parametrize(
    ("media_type", "key", "label"),
    [
        (m.OCI_MANIFEST, "manifest-d", "containerd.io/gc.ref.content.m."),
        (m.DOCKER_INDEX, "index-d", "containerd.io/gc.ref.content."),
        (m.OCI_LAYER + "+zstd", "layer-d", "containerd.io/gc.ref.content.l."),
        (m.DOCKER_LAYER_GZIP, "layer-d", "containerd.io/gc.ref.content.l."),
        (m.DOCKER_CONFIG, "config-d", "containerd.io/gc.ref.content.config"),
        (m.IN_TOTO, "attestation-d", "containerd.io/gc.ref.content."),
        ("text/plain", "unknown-d", "containerd.io/gc.ref.content."),
    ],
)
def test_each_kind_has_containerds_key_and_label(media_type: str, key: str, label: str) -> None:
    blob = Descriptor(media_type, "d")
    assert (m.ref_key(blob), m.gc_label(blob)) == (key, label)


def test_a_name_in_the_annotations_is_part_of_the_key() -> None:
    assert m.ref_key(Descriptor(m.OCI_MANIFEST, "d", 0, {m.ANNOTATION_REF_NAME: "latest"})) == "manifest-latest@d"


def test_foreign_layers_are_layers_that_are_not_distributed() -> None:
    foreign = m.DOCKER_FOREIGN + ".gzip"
    assert m.is_layer(foreign)
    assert m.is_non_distributable(foreign)
    assert not m.is_non_distributable(m.DOCKER_LAYER)
