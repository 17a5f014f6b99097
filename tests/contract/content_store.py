"""What a content service promises, asked over gRPC: the suite that containerd passes, ours must pass, too."""

import hashlib
from collections.abc import Iterator

import grpc
import pytest

from proto.containerd.services.content.v1 import content_pb2 as api
from proto.containerd.services.content.v1.content_pb2_grpc import ContentStub

STAT, WRITE, COMMIT = api.WriteAction.STAT, api.WriteAction.WRITE, api.WriteAction.COMMIT
LEASE = ("containerd-lease", "contract")  # what is written here must outlive any collection in between
METADATA = (("containerd-namespace", "contract"), LEASE)
OTHER = (("containerd-namespace", "contract-2"), LEASE)
DATA = b"0123456789" * 10


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class ContentStoreSuite:
    """Subclass it with a fixture `stub`."""

    def write(self, stub: ContentStub, *requests: api.WriteContentRequest) -> list[api.WriteContentResponse]:
        """One answer per request; containerd repeats its last one at the end of the stream, which says nothing new."""
        answers = list(stub.Write(iter(requests), metadata=METADATA))
        assert all(answer == answers[len(requests) - 1] for answer in answers[len(requests) :])
        return answers[: len(requests)]

    def put(self, stub: ContentStub, data: bytes, ref: str = "", **labels: str) -> str:
        request = api.WriteContentRequest(
            action=COMMIT,
            ref=ref or digest_of(data),
            data=data,
            total=len(data),
            expected=digest_of(data),
            labels=labels,
        )
        return self.write(stub, request)[-1].digest

    def refused(self, call: Iterator[object], code: grpc.StatusCode, words: str) -> None:
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
        assert (caught.value.code(), words in caught.value.details()) == (code, True), caught.value.details()

    def test_a_write_is_a_conversation(self, stub: ContentStub) -> None:
        data = b"a conversation"
        stat, written, committed = self.write(
            stub,
            api.WriteContentRequest(action=STAT, ref="conversation", total=14),
            api.WriteContentRequest(action=WRITE, data=data[:5], offset=0),
            api.WriteContentRequest(action=COMMIT, data=data[5:], offset=5, total=14, expected=digest_of(data)),
        )
        assert (stat.action, stat.offset, stat.total, stat.digest) == (STAT, 0, 14, digest_of(b""))
        assert (written.offset, written.digest) == (5, digest_of(data[:5]))
        assert (committed.action, committed.offset, committed.digest) == (COMMIT, 14, digest_of(data))

    def test_info_has_size_labels_and_times(self, stub: ContentStub) -> None:
        digest = self.put(stub, b"info", a="b")
        info = stub.Info(api.InfoRequest(digest=digest), metadata=METADATA).info
        assert (info.digest, info.size, dict(info.labels)) == (digest, 4, {"a": "b"})
        assert info.created_at.seconds > 1_600_000_000

    def test_reading_has_offset_and_size(self, stub: ContentStub) -> None:
        digest = self.put(stub, DATA)

        def read(offset: int, size: int) -> tuple[int, bytes]:
            answers = list(
                stub.Read(api.ReadContentRequest(digest=digest, offset=offset, size=size), metadata=METADATA)
            )
            return (answers[0].offset if answers else -1), b"".join(answer.data for answer in answers)

        assert read(0, 0) == (0, DATA)
        assert read(95, 100) == (0, DATA[95:])
        assert read(3, 4) == (0, DATA[3:7])
        assert read(100, 0) == (-1, b"")
        self.refused(
            stub.Read(api.ReadContentRequest(digest=digest, offset=101), metadata=METADATA),
            grpc.StatusCode.OUT_OF_RANGE,
            "read past object length 100 bytes",
        )

    def test_a_ref_is_resumed_and_zero_begins_anew(self, stub: ContentStub) -> None:
        self.write(stub, api.WriteContentRequest(action=WRITE, ref="resume", data=b"wrong", total=6))
        assert stub.Status(api.StatusRequest(ref="resume"), metadata=METADATA).status.offset == 5
        done = self.write(
            stub,
            api.WriteContentRequest(
                action=COMMIT, ref="resume", data=b"resume", total=6, expected=digest_of(b"resume")
            ),
        )
        assert done[0].digest == digest_of(b"resume")

    def test_an_offset_that_is_not_the_end_is_refused(self, stub: ContentStub) -> None:
        requests = [
            api.WriteContentRequest(action=WRITE, ref="offset", data=b"xxxx"),
            api.WriteContentRequest(action=WRITE, ref="offset", data=b"x", offset=9),
        ]
        call = stub.Write(iter(requests), metadata=METADATA)
        self.refused(call, grpc.StatusCode.OUT_OF_RANGE, "write @9 must occur at current offset 4")
        stub.Abort(api.AbortRequest(ref="offset"), metadata=METADATA)

    def test_a_wrong_size_or_digest_is_a_failed_precondition(self, stub: ContentStub) -> None:
        for field, words in (
            ({"total": 5}, "failed size validation"),
            ({"expected": digest_of(b"?")}, "unexpected commit digest"),
        ):
            request = api.WriteContentRequest(action=COMMIT, ref="wrong", data=b"wrong-end", **field)  # type: ignore[arg-type]
            self.refused(stub.Write(iter([request]), metadata=METADATA), grpc.StatusCode.FAILED_PRECONDITION, words)
        stub.Abort(api.AbortRequest(ref="wrong"), metadata=METADATA)

    def test_what_is_there_exists_already(self, stub: ContentStub) -> None:
        digest = self.put(stub, b"twice")
        request = api.WriteContentRequest(action=STAT, ref="twice-2", expected=digest, total=5)
        self.refused(
            stub.Write(iter([request]), metadata=METADATA),
            grpc.StatusCode.ALREADY_EXISTS,
            f"content {digest}: already exists",
        )
        requests = [
            api.WriteContentRequest(action=WRITE, ref="twice-3", data=b"twice"),
            api.WriteContentRequest(action=COMMIT, ref="twice-3", offset=5, expected=digest),
        ]
        self.refused(
            stub.Write(iter(requests), metadata=METADATA),
            grpc.StatusCode.ALREADY_EXISTS,
            f"blob with expected digest {digest} exists",
        )
        refs = [one.ref for one in stub.ListStatuses(api.ListStatusesRequest(), metadata=METADATA).statuses]
        assert "twice-3" not in refs

    def test_a_ref_that_is_being_written_is_unavailable(self, stub: ContentStub) -> None:
        import threading

        go_on = threading.Event()

        def first() -> Iterator[api.WriteContentRequest]:
            yield api.WriteContentRequest(action=STAT, ref="locked")
            go_on.wait(10)

        holding = stub.Write(first(), metadata=METADATA)
        next(iter(holding))
        request = api.WriteContentRequest(action=STAT, ref="locked")
        try:
            self.refused(stub.Write(iter([request]), metadata=METADATA), grpc.StatusCode.UNAVAILABLE, "locked for")
        finally:
            go_on.set()
            list(holding)
        stub.Abort(api.AbortRequest(ref="locked"), metadata=METADATA)

    def test_labels_are_updated_by_mask(self, stub: ContentStub) -> None:
        digest = self.put(stub, b"labels", a="1", b="2")
        request = api.UpdateRequest(info=api.Info(digest=digest, labels={"a": "9", "c": "3"}))
        request.update_mask.paths.append("labels.a")
        assert dict(stub.Update(request, metadata=METADATA).info.labels) == {"a": "9", "b": "2"}
        request.update_mask.paths[:] = ["labels"]
        assert dict(stub.Update(request, metadata=METADATA).info.labels) == {"a": "9", "c": "3"}
        request.update_mask.paths[:] = ["size"]
        with pytest.raises(grpc.RpcError) as caught:
            stub.Update(request, metadata=METADATA)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    def test_lists_are_filtered(self, stub: ContentStub) -> None:
        digest = self.put(stub, b"filtered", kind="odd")
        for text in ("labels.kind==odd", f"digest=={digest}"):
            answers = stub.List(api.ListContentRequest(filters=[text]), metadata=METADATA)
            assert [info.digest for answer in answers for info in answer.info] == [digest]

    def test_deleted_content_is_not_found(self, stub: ContentStub) -> None:
        digest = self.put(stub, b"deleted")
        stub.Delete(api.DeleteContentRequest(digest=digest), metadata=METADATA)
        for call, request in ((stub.Info, api.InfoRequest), (stub.Delete, api.DeleteContentRequest)):
            with pytest.raises(grpc.RpcError) as caught:
                call(request(digest=digest), metadata=METADATA)
            assert (caught.value.code(), caught.value.details()) == (
                grpc.StatusCode.NOT_FOUND,
                f"content digest {digest}: not found",
            )

    def test_what_is_no_digest_is_an_invalid_argument(self, stub: ContentStub) -> None:
        for bad in ("", "sha256:../../x", digest_of(b"x").upper(), digest_of(b"x")[:-1]):
            with pytest.raises(grpc.RpcError) as caught:
                stub.Info(api.InfoRequest(digest=bad), metadata=METADATA)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert caught.value.details() == f'"{bad}" failed validation'

    def test_another_namespace_gets_the_bytes_without_sending_them(self, stub: ContentStub) -> None:
        digest = self.put(stub, b"shared")
        with pytest.raises(grpc.RpcError) as caught:
            stub.Info(api.InfoRequest(digest=digest), metadata=OTHER)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        requests = [
            api.WriteContentRequest(action=STAT, ref="shared", expected=digest, total=6),
            api.WriteContentRequest(action=COMMIT, offset=6, total=6, expected=digest),
        ]
        stat, done, *_ = stub.Write(iter(requests), metadata=OTHER)
        assert (stat.offset, done.digest) == (6, digest)
        assert stub.Info(api.InfoRequest(digest=digest), metadata=OTHER).info.size == 6
        stub.Delete(api.DeleteContentRequest(digest=digest), metadata=OTHER)
