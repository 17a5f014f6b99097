import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.errdefs import Fault, InvalidArgument
from supervisor.core.digests import Descriptor, Platform
from supervisor.registry import media_types as m
from supervisor.registry.manifests import Blob, check_kind, children, config, descriptor, to_json

DIGEST = "sha256:" + "a" * 64
ITEM = {"mediaType": m.OCI_LAYER, "digest": DIGEST, "size": 5}


def manifest(**fields: object) -> bytes:
    return json.dumps(
        {"schemaVersion": 2, "config": {**ITEM, "mediaType": m.OCI_CONFIG}, "layers": [ITEM], **fields}
    ).encode()


def test_a_manifest_refers_to_its_config_and_then_its_layers() -> None:
    found = children(manifest(), Descriptor(m.OCI_MANIFEST, DIGEST))
    assert [blob.media_type for blob in found] == [m.OCI_CONFIG, m.OCI_LAYER]


def test_an_index_refers_to_manifests_with_platforms() -> None:
    platform = {"os": "linux", "architecture": "arm", "variant": "v7"}
    data = json.dumps({"manifests": [{**ITEM, "platform": platform, "annotations": {"a": "b", "c": 1}}]}).encode()
    (blob,) = children(data, Descriptor(m.OCI_INDEX, DIGEST))
    assert blob.platform == Platform("linux", "arm", "v7")
    assert blob.annotations == {"a": "b"}


@pytest.mark.parametrize(
    ("media_type", "document", "words"),
    [
        (m.OCI_MANIFEST, {"manifests": [ITEM]}, "expected manifest but found index"),
        (m.OCI_MANIFEST, {"mediaType": m.OCI_INDEX}, "expected manifest but found index"),
        (m.OCI_INDEX, {"layers": [ITEM]}, "expected index but found manifest"),
        (m.OCI_INDEX, {"config": ITEM}, "expected index but found manifest"),
        (m.OCI_INDEX, {"mediaType": m.DOCKER_MANIFEST}, "expected index but found manifest"),
        (m.OCI_MANIFEST, {"mediaType": m.DOCKER_MANIFEST}, "document says"),
        (m.OCI_MANIFEST, {"fsLayers": [{}]}, "schema 1 not supported"),
    ],
)
def test_a_document_of_two_kinds_is_refused(media_type: str, document: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        check_kind(document, media_type)


@pytest.mark.parametrize(
    "item",
    [
        {**ITEM, "digest": "sha256:../../../../etc/passwd"},
        {**ITEM, "digest": DIGEST.upper()},
        {**ITEM, "digest": 5},
        {**ITEM, "size": -1},
        {**ITEM, "size": 1 << 63},
        {**ITEM, "size": True},
        {**ITEM, "size": "5"},
        [],
        None,
    ],
)
def test_a_bad_descriptor_is_refused_before_anybody_uses_it(item: object) -> None:
    with pytest.raises(InvalidArgument):
        descriptor(item)


def test_a_config_tells_platform_and_diff_ids() -> None:
    data = json.dumps({"os": "linux", "architecture": "aarch64", "rootfs": {"type": "layers", "diff_ids": [DIGEST]}})
    known = config(data.encode())
    assert (known.platform, known.diff_ids) == (Platform("linux", "arm64"), (DIGEST,))
    with pytest.raises(InvalidArgument, match="invalid diff id"):
        config(json.dumps({"rootfs": {"diff_ids": ["x"]}}).encode())


def test_a_descriptor_goes_back_into_json() -> None:
    item = {
        **ITEM,
        "urls": ["https://x"],
        "annotations": {"a": "b"},
        "platform": {"architecture": "arm", "os": "linux"},
    }
    assert to_json(descriptor(item)) == item
    assert isinstance(descriptor(item), Blob)


KEYS = st.sampled_from(["manifests", "layers", "config", "mediaType", "digest", "size", "platform", "urls"])


def nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), nested, max_leaves=15)


@given(JSON)
def test_any_json_gives_descriptors_or_a_fault(document: object) -> None:
    for media_type in (m.OCI_MANIFEST, m.OCI_INDEX):
        try:
            children(json.dumps(document).encode(), Descriptor(media_type, DIGEST))
        except Fault:
            pass


@given(st.binary(max_size=100))
def test_any_bytes_give_descriptors_or_a_fault(data: bytes) -> None:
    try:
        children(data, Descriptor(m.OCI_MANIFEST, DIGEST))
    except Fault:
        pass


def test_json_nested_without_end_is_a_fault() -> None:
    with pytest.raises(Fault):
        children(b"[" * 100_000, Descriptor(m.OCI_MANIFEST, DIGEST))
