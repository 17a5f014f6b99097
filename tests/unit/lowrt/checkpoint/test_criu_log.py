"""criu's log, quoted after a failure."""

from pathlib import Path

from lowrt.checkpoint.criu_log import explain, quote
from lowrt.errors import FailedPrecondition
from tests.fakes.lowrt_containers import ListLog


def test_an_error_is_quoted_with_the_lines_before_it() -> None:
    text = "\n".join([*(f"line {number}" for number in range(1, 9)), "Error (x.c:1): no"])
    quoted = quote(text, "/log")
    assert quoted == ['--- Quoting "/log"', *(f"{n}:line {n}" for n in range(4, 9)), "9:Error (x.c:1): no", "---"]


def test_a_gap_is_marked_and_no_line_comes_twice() -> None:
    lines = [f"line {number}" for number in range(1, 21)]
    lines[0], lines[2], lines[19] = "Error 1", "Error 3", "Error 20"
    quoted = quote("\n".join(lines), "/log")
    assert quoted[1:5] == ["1:Error 1", "2:line 2", "3:Error 3", "..."]
    assert quoted[5] == "15:line 15"
    assert quoted[-2:] == ["20:Error 20", "---"]


def test_a_log_without_errors_is_not_quoted() -> None:
    assert quote("all is well\n", "/log") == []


def test_the_fault_tells_where_the_log_is(tmp_path: Path) -> None:
    (tmp_path / "dump.log").write_text("Error: no\n")
    log = ListLog()
    fault = explain(log, FailedPrecondition("criu failed"), str(tmp_path), "dump.log")
    assert str(fault) == f"criu failed (log file: {tmp_path}/dump.log)"
    assert isinstance(fault, FailedPrecondition)
    assert ("warning", "1:Error: no") in log.lines


def test_without_a_log_the_fault_stays_and_the_log_is_said_to_be_missing(tmp_path: Path) -> None:
    log = ListLog()
    fault = FailedPrecondition("criu died")
    assert explain(log, fault, str(tmp_path), "dump.log") is fault
    assert log.lines == [("warning", f"open {tmp_path}/dump.log: no such file or directory")]
