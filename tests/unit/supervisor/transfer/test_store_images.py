from pathlib import Path

import pytest

from proto.errdefs import InvalidArgument
from supervisor.core.digests import Descriptor
from supervisor.core.images import Image
from supervisor.transfer.endpoints import ExtraReference, ImageStoreEnd
from supervisor.transfer.store_images import images_for_target, images_from_annotations, write_images
from tests.fakes.supervisor_transfer import open_stores

DIGEST = "sha256:" + "a" * 64


def target(**annotations: str) -> Descriptor:
    return Descriptor("m", DIGEST, 5, {key.replace("_", "."): value for key, value in annotations.items()})


def names(images: list[Image]) -> list[str]:
    return [image.name for image in images]


def test_a_destination_names_its_image_and_more() -> None:
    extra = (ExtraReference("other:1"), ExtraReference("p", is_prefix=True), ExtraReference("q", True, add_digest=True))
    images = images_for_target(ImageStoreEnd("main:1", {"a": "b"}, extra_references=extra), target())
    assert names(images) == ["main:1", "other:1", f"q@{DIGEST}"]
    assert images[0].labels == {"a": "b"}
    assert images[1].labels["containerd.io/gc.bref.image"] == "main:1"


WHOLE = {"io_containerd_image_name": "docker.io/library/busybox:1", "org_opencontainers_image_ref_name": "1"}


@pytest.mark.parametrize(
    ("annotations", "extra", "found"),
    [
        (WHOLE, ExtraReference("import-x", True, allow_overwrite=True), ["docker.io/library/busybox:1"]),
        (WHOLE, ExtraReference("import-x", True), []),
        (WHOLE, ExtraReference("docker.io/library/busybox", True), ["docker.io/library/busybox:1"]),
        (WHOLE, ExtraReference("docker.io/library/busy", True), []),
        ({"org_opencontainers_image_ref_name": "1"}, ExtraReference("import-x", True), ["import-x:1"]),
        ({}, ExtraReference("import-x", True), []),
        ({}, ExtraReference("import-x", True, add_digest=True), [f"import-x@{DIGEST}"]),
        (WHOLE, ExtraReference("import-x", True, True, True), ["docker.io/library/busybox:1", f"import-x@{DIGEST}"]),
        (WHOLE, ExtraReference("import-x", True, True, True, True), ["docker.io/library/busybox:1"]),
        (WHOLE, ExtraReference("whole"), []),
    ],
)
def test_names_in_an_archive_count_as_far_as_the_prefix_lets_them(
    annotations: dict[str, str], extra: ExtraReference, found: list[str]
) -> None:
    assert names(images_from_annotations(ImageStoreEnd(extra_references=(extra,)), target(**annotations))) == found


def test_records_are_created_or_updated(tmp_path: Path) -> None:
    with open_stores(tmp_path) as stores:
        write_images(stores.images, "ns", [Image("a", target())])
        write_images(stores.images, "ns", [Image("a", Descriptor("m", "sha256:" + "b" * 64, 5))])
        assert stores.images.get("ns", "a").target.digest == "sha256:" + "b" * 64
        with pytest.raises(InvalidArgument):
            write_images(stores.images, "ns", [Image("", target())])
