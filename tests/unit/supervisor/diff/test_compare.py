import hashlib
from pathlib import Path

import pytest

from proto.errdefs import Unimplemented
from supervisor.core.labels import UNCOMPRESSED
from supervisor.core.snapshots import Mount
from supervisor.diff.apply import apply
from supervisor.diff.compare import compare
from tests.fakes.supervisor_transfer import open_stores

OCI = "application/vnd.oci.image.layer.v1.tar"


def bind(path: Path) -> list[Mount]:
    path.mkdir(exist_ok=True)
    return [Mount("bind", str(path), ("rbind", "rw"))]


@pytest.mark.parametrize("suffix", ["", "+gzip", "+zstd"])
def test_a_layer_comes_back_from_applying_it_with_the_same_diff_id(tmp_path: Path, suffix: str) -> None:
    left, right, again = (bind(tmp_path / name) for name in ("left", "right", "again"))
    (tmp_path / "left" / "gone").write_text("x")
    (tmp_path / "right" / "new").write_text("hello")
    with open_stores(tmp_path / "stores") as stores:
        layer = compare(stores.content, "ns", left, right, media_type=OCI + suffix, labels={"mine": "1"})
        info = stores.content.info("ns", layer.digest)
        reader = stores.content.reader("ns", layer.digest)
        applied = apply(reader, layer.media_type, again)
        stored = reader.read_at(0, reader.size)
        reader.close()
    assert layer.size == info.size
    assert layer.digest == "sha256:" + hashlib.sha256(stored).hexdigest()
    assert info.labels == {"mine": "1", UNCOMPRESSED: applied.digest}
    assert (tmp_path / "again" / "new").read_text() == "hello"


def test_the_same_difference_is_the_same_layer(tmp_path: Path) -> None:
    left, right = bind(tmp_path / "left"), bind(tmp_path / "right")
    (tmp_path / "right" / "new").write_text("hello")
    with open_stores(tmp_path / "stores") as stores:
        first = compare(stores.content, "ns", left, right)
        assert compare(stores.content, "ns", left, right, ref="again") == first
        assert list(stores.content.statuses("ns")) == []


def test_a_type_that_nobody_can_write_is_refused(tmp_path: Path) -> None:
    with open_stores(tmp_path / "stores") as stores, pytest.raises(Unimplemented, match="unsupported diff media type"):
        compare(stores.content, "ns", [], [], media_type="text/plain")
