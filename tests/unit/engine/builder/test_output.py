"""Lanes: lines come in the Dockerfile's order whoever was faster."""

from engine.builder.output import Line, Output


def _output(*, quiet: bool = False) -> tuple[Output, list[Line]]:
    lines: list[Line] = []
    return Output(lines.append, quiet=quiet), lines


def test_a_later_stage_waits_for_an_earlier_one() -> None:
    output, lines = _output()
    first, second = output.lane(), output.lane()
    second.stream("b")
    first.stream("a")
    assert lines == [{"stream": "a"}]
    first.end()
    assert lines == [{"stream": "a"}, {"stream": "b"}]
    second.stream("c")
    assert lines[-1] == {"stream": "c"}


def test_a_stage_that_ended_early_is_told_in_its_turn() -> None:
    output, lines = _output()
    first, second, third = output.lane(), output.lane(), output.lane()
    third.stream("3")
    second.stream("2")
    second.end()
    third.end()
    first.end()
    assert [line["stream"] for line in lines] == ["2", "3"]


def test_a_quiet_build_tells_only_its_result() -> None:
    output, lines = _output(quiet=True)
    lane = output.lane()
    lane.stream("x")
    lane.end()
    output.say({"stream": "id"})
    assert lines == [{"stream": "id"}]


def test_who_asks_for_steps_is_told_of_each_at_once_and_of_no_lines() -> None:
    lines: list[Line] = []
    output = Output(lines.append, steps=True)
    first, second = output.lane("base"), output.lane("app")
    second.begin(2, 3, "RUN x")
    second.stream("never")
    second.log("out", 1)
    second.line({"status": "Pulling"})
    second.done("id")
    first.begin(1, 3, "FROM y")
    first.cached()
    first.done("id")
    first.begin(3, 3, "RUN z")
    first.failed()
    told = [(line["id"], line["aux"].get("state", line["aux"].get("text"))) for line in lines if "aux" in line]
    assert told == [
        *(("wherry.step", "running"), ("wherry.log", "out"), ("wherry.step", "done"), ("wherry.step", "running")),
        *(("wherry.step", "cached"), ("wherry.step", "running"), ("wherry.step", "failed")),
    ]
    assert {"status": "Pulling", "step": 2} in lines
    assert lines[0]["aux"]["stage"] == "app"


def test_who_does_not_gets_stderr_in_its_colour() -> None:
    output, lines = _output()
    lane = output.lane()
    lane.log("o", 1)
    lane.log("e", 2)
    assert [line["stream"] for line in lines] == ["o", "\x1b[91me\x1b[0m"]


def test_a_detailed_stream_tells_of_vertices_exports_and_warnings() -> None:
    lines: list[Line] = []
    output = Output(lines.append, steps=True, detailed=True)
    lane = output.lane("app")
    lane.begin(1, 2, "RUN x", vertex="[1/1] RUN x", line=7)
    lane.failed("it broke")
    output.exporting("naming to a", done=True)
    output.warn("careful")
    running, failed, export, warning = (line["aux"] for line in lines)
    assert (running["vertex"], running["line"], "error" in running) == ("[1/1] RUN x", 7, False)
    assert (failed["state"], failed["error"]) == ("failed", "it broke")
    assert (export["name"], export["state"]) == ("naming to a", "done")
    assert warning == {"text": "careful"}


def test_a_warning_is_a_line_for_others_and_nothing_where_it_is_quiet() -> None:
    output, lines = _output()
    output.warn("careful")
    output.exporting("x", done=True)
    assert lines == [{"stream": "[Warning] careful\n"}]
    quiet, none = _output(quiet=True)
    quiet.warn("careful")
    assert none == []
