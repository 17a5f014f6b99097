import hashlib
import os
from pathlib import Path

import pytest

from proto.errdefs import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Unavailable
from supervisor.content.blobs import Blobs
from supervisor.content.digests import digest_of
from supervisor.content.ingest import Ingests

DATA = b"0123456789" * 100
DIGEST = digest_of(DATA)


@pytest.fixture
def ingests(tmp_path: Path) -> Ingests:
    return Ingests(Blobs(str(tmp_path)))


def folder(ingests: Ingests, ref: str) -> Path:
    return Path(ingests.blobs.root) / "ingest" / hashlib.sha256(ref.encode()).hexdigest()


def test_a_write_becomes_a_blob_and_leaves_no_ingest(ingests: Ingests) -> None:
    writer = ingests.writer("ref", len(DATA), DIGEST)
    writer.write(DATA)
    assert writer.commit(len(DATA), DIGEST) == DIGEST
    blob = Path(ingests.blobs.path(DIGEST))
    assert blob.read_bytes() == DATA
    assert blob.stat().st_mode & 0o777 == 0o444
    assert list(ingests.statuses()) == []


def test_the_files_of_an_ingest_are_containerds(ingests: Ingests) -> None:
    writer = ingests.writer("layer-x", 500)
    writer.write(b"x")
    writer.close()
    place = folder(ingests, "layer-x")
    assert sorted(os.listdir(place)) == ["data", "ref", "startedat", "total", "updatedat"]
    assert (place / "ref").read_text() == "layer-x"
    assert (place / "total").read_text() == "500"


def test_a_write_is_resumed_where_it_was_left(ingests: Ingests) -> None:
    writer = ingests.writer("ref", len(DATA))
    writer.write(DATA[:300])
    writer.close()
    again = ingests.writer("ref", len(DATA))
    assert (again.status().offset, again.digest()) == (300, digest_of(DATA[:300]))
    again.write(DATA[300:])
    assert again.commit(0, DIGEST) == DIGEST


def test_one_that_was_begun_with_another_total_is_begun_anew(ingests: Ingests) -> None:
    writer = ingests.writer("ref", 10)
    writer.write(b"x")
    writer.close()
    assert ingests.writer("ref", 20).status().offset == 0


def test_times_written_by_go_in_its_own_zone_are_read(ingests: Ingests) -> None:
    ingests.writer("ref").close()
    (folder(ingests, "ref") / "startedat").write_text("2026-11-25T10:00:00.123456789+02:00")
    started = ingests.status("ref").started_at
    assert started % 10**9 == 123456789
    assert started // 10**9 == 1795593600


def test_a_second_writer_of_a_ref_has_to_wait(ingests: Ingests) -> None:
    writer = ingests.writer("ref")
    with pytest.raises(Unavailable, match=r"ref ref locked for .* \(since .*\): unavailable"):
        ingests.writer("ref")
    writer.close()
    ingests.writer("ref").close()


def test_wrong_sizes_and_digests_are_said_in_containerds_words(ingests: Ingests) -> None:
    writer = ingests.writer("ref")
    writer.write(DATA)
    with pytest.raises(FailedPrecondition, match="unexpected commit size 1000, expected 5"):
        writer.commit(5)
    writer = ingests.writer("ref")
    with pytest.raises(FailedPrecondition, match=f"unexpected commit digest {DIGEST}, expected sha256:0000"):
        writer.commit(0, "sha256:" + "0" * 64)
    assert not ingests.blobs.exists(DIGEST)


def test_the_same_bytes_twice_exist_already(ingests: Ingests) -> None:
    for ref in ("one", "two"):
        writer = ingests.writer(ref)
        writer.write(DATA)
        if ref == "one":
            writer.commit()
    with pytest.raises(AlreadyExists, match=f"content {DIGEST}: already exists"):
        writer.commit()
    with pytest.raises(AlreadyExists):
        ingests.writer("three", 0, DIGEST)
    assert list(ingests.statuses()) == []


def test_a_digest_of_another_algorithm_is_computed_at_the_end(ingests: Ingests) -> None:
    writer = ingests.writer("ref")
    writer.write(DATA)
    wanted = digest_of(DATA, "sha512")
    assert writer.commit(0, wanted) == wanted


def test_beginning_again_forgets_what_was_written(ingests: Ingests) -> None:
    writer = ingests.writer("ref")
    writer.write(b"wrong")
    writer.truncate(0)
    writer.write(DATA)
    assert writer.commit(len(DATA), DIGEST) == DIGEST
    with pytest.raises(InvalidArgument, match="unsupported size"):
        ingests.writer("other").truncate(5)


def test_a_closed_writer_commits_nothing(ingests: Ingests) -> None:
    writer = ingests.writer("ref")
    writer.close()
    writer.close()
    with pytest.raises(FailedPrecondition, match="cannot commit on closed writer"):
        writer.commit()


def test_an_aborted_ingest_is_gone(ingests: Ingests) -> None:
    ingests.writer("ref").close()
    ingests.abort("ref")
    with pytest.raises(NotFound, match='ingest ref "ref": not found'):
        ingests.abort("ref")
    with pytest.raises(NotFound):
        ingests.status("ref")


def test_an_abort_under_a_writer_does_not_upset_its_close(ingests: Ingests) -> None:
    writer = ingests.writer("ref")
    ingests.abort("ref")
    writer.close()
    ingests.writer("ref").close()


def test_a_ref_must_not_be_empty(ingests: Ingests) -> None:
    with pytest.raises(InvalidArgument, match="ref must not be empty"):
        ingests.writer("")


@pytest.mark.parametrize("missing", ["data", "ref", "startedat", "updatedat"])
def test_what_a_crash_left_half_begun_or_half_removed_goes_at_the_next_start(ingests: Ingests, missing: str) -> None:
    ingests.writer("whole", 5).close()
    ingests.writer("half", 5).close()
    (folder(ingests, "half") / missing).unlink()
    again = Ingests(ingests.blobs)
    assert [status.ref for status in again.statuses()] == ["whole"]
    assert not folder(ingests, "half").exists()
