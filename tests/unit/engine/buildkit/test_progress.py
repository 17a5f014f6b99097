"""The builder's lines as vertices, logs and statuses."""

from engine.builder.output import CANCELED, Line
from engine.buildkit.progress import Progress
from proto.buildkit.services.control_pb2 import StatusResponse


def _told(*lines: Line) -> list[StatusResponse]:
    told: list[StatusResponse] = []
    progress = Progress(told.append, "job", "Containerfile")
    for line in lines:
        progress.line(line)
    return told


def _step(number: int, state: str, vertex: str = "[1/1] RUN x", time: float = 1.5, **more: object) -> Line:
    about = {"step": number, "steps": 9, "stage": "s", "name": "RUN x", "state": state, "time": time, "vertex": vertex}
    return {"id": "wherry.step", "aux": about | more}


def test_a_step_is_a_vertex_that_begins_and_ends() -> None:
    begun, ended = (each.vertexes[0] for each in _told(_step(1, "running"), _step(1, "done", time=2.25)))
    assert (begun.name, begun.started.seconds, begun.started.nanos) == ("[1/1] RUN x", 1, 500_000_000)
    assert not begun.HasField("completed")
    assert (ended.digest, ended.completed.seconds, ended.completed.nanos) == (begun.digest, 2, 250_000_000)
    assert begun.digest.startswith("sha256:")


def test_steps_of_a_stage_follow_each_other() -> None:
    first, _, second = _told(_step(1, "running"), _step(1, "done"), _step(2, "running"))
    assert list(second.vertexes[0].inputs) == [first.vertexes[0].digest]


def test_no_other_build_has_the_same_digests() -> None:
    assert Progress(lambda _: None, "a").digest("x") != Progress(lambda _: None, "b").digest("x")


def test_a_cached_step_says_so() -> None:
    assert _told(_step(1, "running"), _step(1, "cached"))[-1].vertexes[0].cached


def test_a_step_that_is_not_shown_tells_only_where_it_failed() -> None:
    told: list[StatusResponse] = []
    progress = Progress(told.append, "job")
    progress.line(_step(1, "running", vertex=""))
    progress.line(_step(1, "failed", vertex="", line=7))
    assert told == []
    assert progress.failed_line == 7


def test_what_is_only_cancelled_did_not_fail() -> None:
    """Its line would be shown instead of the one that is to blame."""
    progress = Progress(lambda _: None, "job")
    for step, line, error in ((1, 7, "exit 1"), (2, 9, CANCELED)):
        progress.line(_step(step, "running"))
        progress.line(_step(step, "failed", line=line, error=error))
    assert progress.failed_line == 7


def test_a_failure_has_buildkits_words() -> None:
    error = "The command '/bin/sh -c exit 3' returned a non-zero code: 3"
    vertex = _told(_step(1, "running"), _step(1, "failed", error=error))[-1].vertexes[0]
    assert vertex.error == 'process "/bin/sh -c exit 3" did not complete successfully: exit code: 3'


def test_what_from_names_is_resolved_before_it_is_taken() -> None:
    name = "[1/2] FROM docker.io/library/x:latest"
    told = _told(
        _step(1, "running", vertex=name),
        {"status": "Downloading", "id": "abc", "progressDetail": {"current": 1, "total": 2}, "step": 1},
        _step(1, "done", vertex=name),
    )
    shown = [(vertex.name, vertex.HasField("completed")) for each in told for vertex in each.vertexes]
    metadata = "[internal] load metadata for docker.io/library/x:latest"
    assert shown == [(metadata, False), (metadata, True), (name, False), (name, True)]


def test_what_from_names_may_not_be_there() -> None:
    name = "[1/2] FROM docker.io/library/x:latest"
    told = _told(_step(1, "running", vertex=name), _step(1, "failed", vertex=name, error="no such image"))
    assert [(each.vertexes[0].name, each.vertexes[0].error) for each in told[1:]] == [
        ("[internal] load metadata for docker.io/library/x:latest", "no such image")
    ]


def test_what_was_under_way_fails_with_the_build() -> None:
    told: list[StatusResponse] = []
    progress = Progress(told.append, "job")
    progress.line(_step(1, "running"))
    progress.line(_step(2, "running", vertex="[2/2] RUN y"))
    progress.line(_step(1, "done"))
    progress.fail("context canceled")
    assert [(each.vertexes[0].name, each.vertexes[0].error) for each in told[-1:]] == [
        ("[2/2] RUN y", "context canceled")
    ]


def test_a_log_goes_to_its_step_until_the_limit() -> None:
    log = {"id": "wherry.log", "aux": {"step": 1, "stream": 2, "text": "hé"}}
    much = {"id": "wherry.log", "aux": {"step": 1, "stream": 1, "text": "x" * (2 << 20)}}
    told = _told(_step(1, "running"), log, much, log)
    logs = [entry for each in told for entry in each.logs]
    assert (logs[0].msg, logs[0].stream, logs[0].vertex) == ("hé".encode(), 2, told[0].vertexes[0].digest)
    assert logs[1].msg == b"[output clipped, log limit 2MiB reached]\n"
    assert len(logs) == 2


def test_a_transfer_is_a_vertex_with_a_count() -> None:
    about = {"what": "dockerfile", "size": 0, "state": "running", "time": 1.0}
    told = _told(
        {"id": "wherry.transfer", "aux": about},
        {"id": "wherry.transfer", "aux": about | {"size": 99, "state": "done"}},
    )
    assert told[0].vertexes[0].name == "[internal] load build definition from Containerfile"
    assert (told[2].statuses[0].ID, told[2].statuses[0].current) == ("transferring dockerfile:", 99)
    assert told[2].statuses[0].HasField("completed")
    assert told[3].vertexes[0].HasField("completed")


def test_a_transfer_of_another_folder_has_its_name() -> None:
    about = {"what": "src", "size": 0, "state": "failed", "time": 1.0}
    told = _told({"id": "wherry.transfer", "aux": about})
    assert told[0].vertexes[0].name == "[context src] load from client"
    assert told[-1].vertexes[0].error == "the transfer failed"


def test_exporting_counts_what_is_done() -> None:
    lines = [
        {"id": "wherry.export", "aux": {"name": name, "state": state, "time": 1.0}}
        for name, state in (("", "running"), ("naming to a", "done"), ("", "done"))
    ]
    told = _told(*lines)
    assert [entry.ID for each in told for entry in each.statuses] == ["naming to a"]
    assert [(v.name, v.HasField("completed")) for each in told for v in each.vertexes] == [
        ("exporting to image", False),
        ("exporting to image", True),
    ]


def test_a_pull_is_counted_at_its_step() -> None:
    detail = {"current": 5, "total": 9}
    told = _told(
        _step(1, "running"),
        {"status": "Downloading", "id": "abc", "progressDetail": detail, "step": 1},
        {"status": "Pull complete", "id": "abc", "step": 1},
        {"status": "Pulling fs layer", "id": "abc", "step": 1},
        {"status": "Downloading", "id": "abc", "progressDetail": detail, "step": 4},
    )
    statuses = [entry for each in told for entry in each.statuses]
    assert [(each.ID, each.current, each.total, each.HasField("completed")) for each in statuses] == [
        ("pull abc", 5, 9, False),
        ("pull abc", 0, 0, True),
        ("extract abc", 0, 0, True),
    ]


def test_warnings_are_passed_on_and_other_lines_are_not() -> None:
    told = _told({"id": "wherry.warning", "aux": {"text": "careful"}}, {"stream": "x"}, {"aux": {"ID": "sha256:x"}})
    assert [entry.short for each in told for entry in each.warnings] == [b"careful"]
    assert len(told) == 1
