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
