"""The classic builder's stream: docker's lines as JSON objects, in the Dockerfile's order also where stages overlap.

Each stage writes to a lane of its own. The first lane that has not ended goes straight out, the others wait.
"""

from collections.abc import Callable
from typing import Any

Line = dict[str, Any]


class Lane:
    """One stage's lines."""

    def __init__(self, output: "Output") -> None:
        self._output = output
        self.waiting: list[Line] = []
        self.ended = False

    def line(self, document: Line) -> None:
        """A line of any kind."""
        self._output.accept(self, document)

    def stream(self, text: str) -> None:
        """Text for a person."""
        self.line({"stream": text})

    def end(self) -> None:
        """Nothing more comes."""
        self.ended = True
        self._output.advance()


class Output:
    """All lanes of a build."""

    def __init__(self, sink: Callable[[Line], None], *, quiet: bool = False) -> None:
        self._sink = sink
        self._quiet = quiet
        self._lanes: list[Lane] = []

    def lane(self) -> Lane:
        """The next lane, in the order that they are to be read."""
        lane = Lane(self)
        self._lanes.append(lane)
        return lane

    def accept(self, lane: Lane, document: Line) -> None:
        """Send or hold a line."""
        if self._quiet:
            return
        if self._lanes and self._lanes[0] is lane:
            self._sink(document)
        else:
            lane.waiting.append(document)

    def advance(self) -> None:
        """Send what has waited for lanes that ended."""
        while self._lanes and self._lanes[0].ended:
            self._flush(self._lanes.pop(0))
        if self._lanes:
            self._flush(self._lanes[0])

    def say(self, document: Line) -> None:
        """A line of the whole build, after every lane; also where the build is quiet."""
        for lane in self._lanes:
            self._flush(lane)
        self._lanes.clear()
        self._sink(document)

    def _flush(self, lane: Lane) -> None:
        waiting, lane.waiting = lane.waiting, []
        for document in waiting:
            self._sink(document)
