"""The board: what is shown of steps, output, pulls and failures, at one moment."""

import io

from rich.console import Console, Group

from engine.cli.build_view import Board, Line, LiveBoard, printable


class Clock:
    """Time that passes on demand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _step(number: int, state: str, time: float, name: str = "RUN x") -> Line:
    aux = {"step": number, "steps": 9, "stage": "app", "name": name, "state": state, "time": time}
    return {"id": "wherry.step", "aux": aux}


def _shown(board: Board, height: int = 20) -> str:
    console = Console(width=60, file=io.StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(Group(*board.rows(height)))
    return captured.get()


def test_steps_have_times_and_marks() -> None:
    clock = Clock()
    board = Board(clock)
    board.sent = 4_200_000
    for line in (_step(1, "running", 100), _step(1, "cached", 100), _step(2, "running", 100), _step(2, "done", 101.5)):
        board.take(line)
    board.take(_step(3, "running", 101.5, "RUN   make\\\n all"))
    clock.now = 104.0
    shown = _shown(board)
    assert "[+] Building 4.0s (2/9)" in shown
    lines = [line.strip() for line in shown.splitlines()[1:]]
    assert lines[0].startswith("✓ sending the context")
    assert lines[0].endswith("4.2MB")
    assert (lines[1].split()[-1], lines[2].split()[-1], lines[3].split()[-1]) == ("CACHED", "1.5s", "2.5s")
    assert "[app 3/9] RUN make\\ all" in lines[3]


def test_the_end_of_a_running_steps_output_is_shown_and_pieces_become_lines() -> None:
    board = Board(Clock())
    board.take(_step(1, "running", 100))
    for text in ("a\nb", "b\n", *(f"{n}\n" for n in range(10)), "last"):
        board.take({"id": "wherry.log", "aux": {"step": 1, "stream": 1, "text": text}})
    shown = _shown(board)
    assert "│ last" in shown
    assert "│ 5" in shown
    assert "bb" not in shown
    assert list(board.steps[1].output)[:2] == ["a\n", "bb\n"]
    board.take(_step(1, "done", 101))
    assert "│" not in _shown(board)


def test_a_pull_has_bars() -> None:
    board = Board(Clock())
    board.take(_step(1, "running", 100, "FROM x"))
    detail = {"current": 500_000, "total": 1_000_000}
    board.take({"id": "abc", "status": "Downloading", "progressDetail": detail, "step": 1})
    board.take({"status": "Digest: sha256:0", "step": 1})
    shown = _shown(board)
    assert "abc Downloading" in shown
    assert "500kB" in shown
    assert "Digest" in shown


def test_a_small_terminal_shows_the_newest() -> None:
    board = Board(Clock())
    for number in range(1, 10):
        board.take(_step(number, "running", 100))
        board.take(_step(number, "done", 100))
    shown = _shown(board, height=4)
    assert "9/9]" in shown
    assert "app 1/9]" not in shown


def test_output_moves_no_cursor() -> None:
    assert printable("50%\r100%\n") == "100%"
    assert "\x1b" not in printable("\x1b[2Ja\x9b")
    assert "\x9b" not in printable("\x1b[2Ja\x9b")


def test_a_failed_steps_output_stays_on_the_screen() -> None:
    sink = io.StringIO()
    with LiveBoard(Console(width=60, file=sink, force_terminal=False)) as live:
        live.show(_step(1, "running", 100))
        live.show({"id": "wherry.log", "aux": {"step": 1, "stream": 2, "text": "what went wrong\n"}})
        live.show(_step(1, "failed", 101))
        live.show({"stream": "Successfully built nothing\n"})
    assert "what went wrong" in sink.getvalue()
    assert "Successfully built nothing" in sink.getvalue()
