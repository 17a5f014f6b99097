from pathlib import Path

import pytest

from proto.errdefs import InvalidArgument, NotFound
from supervisor.content.blobs import Blobs
from supervisor.content.digests import digest_of

DATA = b"some bytes"
DIGEST = digest_of(DATA)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    folder = tmp_path / "blobs" / "sha256"
    folder.mkdir(parents=True)
    (folder / DIGEST.removeprefix("sha256:")).write_bytes(DATA)
    (folder / "not-a-digest").write_bytes(b"x")
    return Blobs(str(tmp_path))


def test_a_blob_is_read_in_parts_and_as_a_whole(blobs: Blobs) -> None:
    with blobs.reader(DIGEST) as reader:
        assert reader.size == len(DATA)
        assert reader.read_at(5, 100) == b"bytes"
        assert b"".join(reader.chunks(2, 3, chunk=2)) == b"me "
        assert reader.read_all() == DATA


def test_an_open_blob_outlives_its_deletion(blobs: Blobs) -> None:
    with blobs.reader(DIGEST) as reader:
        blobs.delete(DIGEST)
        assert reader.read_all() == DATA
    assert not blobs.exists(DIGEST)


def test_a_missing_blob_is_not_found(blobs: Blobs) -> None:
    missing = digest_of(b"missing")
    for call in (blobs.info, blobs.reader, blobs.delete):
        with pytest.raises(NotFound, match="not found"):
            call(missing)


def test_a_digest_that_is_none_is_refused_before_any_path(blobs: Blobs) -> None:
    with pytest.raises(InvalidArgument):
        blobs.reader("sha256:../../../etc/passwd")


def test_walking_passes_over_what_has_no_digest_for_a_name(blobs: Blobs) -> None:
    assert [(info.digest, info.size) for info in blobs.walk()] == [(DIGEST, len(DATA))]
