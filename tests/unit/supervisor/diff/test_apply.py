import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from proto.errdefs import Fault, InvalidArgument
from supervisor.core.digests import Descriptor
from supervisor.core.snapshots import Mount
from supervisor.diff.apply import apply, apply_tar
from tests.fakes.supervisor_blobs import MemoryReader
from tests.raw_tar import archive, file


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_the_answer_describes_the_plain_tar_with_all_that_follows_it(unpack: Callable[[bytes], Descriptor]) -> None:
    data = archive(file("a")) + b"trailing" * 100
    assert unpack(data) == Descriptor("application/vnd.oci.image.layer.v1.tar", digest(data), len(data))


@pytest.mark.parametrize("kind", ["+gzip", ""])
def test_a_blob_is_inflated_when_it_has_to_be(target: Path, kind: str) -> None:
    data = archive(file("a", b"hello"))
    seen: list[int] = []
    applied = apply(
        MemoryReader(gzip.compress(data) if kind else data),
        f"application/vnd.oci.image.layer.v1.tar{kind}",
        [Mount("bind", str(target), ("rbind",))],
        progress=seen.append,
    )
    assert applied.digest == digest(data)
    assert (target / "a").read_bytes() == b"hello"
    assert seen[0] == 0
    assert seen == sorted(seen)


def test_a_layer_that_breaks_off_is_a_fault(target: Path) -> None:
    data = gzip.compress(archive(file("a", b"x" * 100_000)))
    with pytest.raises(Fault, match="unexpected EOF"):
        apply(
            MemoryReader(data[: len(data) // 2]),
            "application/vnd.oci.image.layer.v1.tar+gzip",
            [Mount("bind", str(target), ("rbind",))],
        )


def test_nowhere_to_unpack_to_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="no mounts"):
        apply_tar(iter([]), [])


def test_a_missing_folder_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="no such file"):
        apply_tar(iter([]), [Mount("bind", str(tmp_path / "missing"), ("rbind",))])


def test_a_layer_that_fails_leaves_an_empty_folder_empty(target: Path) -> None:
    data = archive(file("a/b/c"), file("d"))
    with pytest.raises(Fault):
        apply_tar(iter([data[:-1500]]), [Mount("bind", str(target), ("rbind",))])
    assert list(target.iterdir()) == []
    (target / "kept").touch()
    with pytest.raises(Fault):
        apply_tar(iter([data[:-1500]]), [Mount("bind", str(target), ("rbind",))])
    assert (target / "kept").exists()
