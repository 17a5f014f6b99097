"""The supervisor's events in dockerd's lines."""

from engine.images.progress import PullProgress, PushProgress, failure, status
from proto.containerd.types import descriptor_pb2
from proto.containerd.types.transfer import progress_pb2
from tests.fakes.engine_images import LAYER_TYPE, MANIFEST_TYPE

LAYER = "sha256:" + "ab" * 32
ID = "abababababab"


def event(name: str, progress: int = 0, total: int = 0, *, media_type: str = LAYER_TYPE) -> progress_pb2.Progress:
    return progress_pb2.Progress(
        event=name,
        progress=progress,
        total=total,
        desc=descriptor_pb2.Descriptor(media_type=media_type, digest=LAYER, size=100),
    )


def lines(progress: PullProgress | PushProgress, *events: progress_pb2.Progress) -> list[str]:
    return [line["status"] for one in events for line in progress.feed(one)]


def test_a_layer_goes_through_dockers_stages() -> None:
    progress = PullProgress()
    assert lines(
        progress,
        event("waiting"),
        event("downloading", 10, 100),
        event("complete"),
        event("extracting", 50, 100),
        event("extracted"),
    ) == ["Pulling fs layer", "Downloading", "Verifying Checksum", "Download complete", "Extracting", "Pull complete"]
    assert list(progress.finish()) == []


def test_a_layer_that_is_there_is_said_to_be() -> None:
    progress = PullProgress()
    assert lines(progress, event("already exists"), event("complete"), event("extracting")) == ["Already exists"]
    assert list(progress.finish()) == []


def test_what_the_supervisor_did_not_tell_is_told_at_the_end() -> None:
    progress = PullProgress()
    lines(progress, event("waiting"))
    expected = ["Verifying Checksum", "Download complete", "Pull complete"]
    assert [line["status"] for line in progress.finish()] == expected


def test_late_and_repeated_events_do_not_go_backwards() -> None:
    progress = PullProgress()
    lines(progress, event("waiting"), event("complete"), event("extracted"))
    assert lines(progress, event("downloading", 1), event("complete"), event("extracting"), event("extracted")) == []


def test_details_say_how_far_it_is() -> None:
    progress = PullProgress()
    (_, line) = [line for one in (event("waiting"), event("downloading", 10)) for line in progress.feed(one)]
    assert line == {"status": "Downloading", "progressDetail": {"current": 10, "total": 100}, "id": ID}


def test_manifests_and_configs_are_not_shown_but_tell_that_the_registry_answered() -> None:
    progress = PullProgress()
    assert not progress.resolved
    assert (
        lines(progress, progress_pb2.Progress(event="Resolving from x"), event("waiting", media_type=MANIFEST_TYPE))
        == []
    )
    assert progress.resolved


def test_a_push_prepares_pushes_and_is_done() -> None:
    progress = PushProgress()
    told = lines(progress, event("waiting"), event("uploading", 10, 100), event("complete"), event("complete"))
    assert told == ["Preparing", "Pushing", "Pushed"]
    assert list(progress.finish()) == []


def test_a_push_of_what_the_registry_has_says_so() -> None:
    assert lines(PushProgress(), event("already exists")) == ["Preparing", "Layer already exists"]


def test_a_push_without_news_ends_all_the_same() -> None:
    progress = PushProgress()
    lines(progress, event("waiting"))
    assert [line["status"] for line in progress.finish()] == ["Pushed"]


def test_the_shapes_of_lines() -> None:
    assert status("x") == {"status": "x"}
    assert status("x", ID) == {"status": "x", "progressDetail": {}, "id": ID}
    assert failure("no") == {"errorDetail": {"message": "no"}, "error": "no"}
