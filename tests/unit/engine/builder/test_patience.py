"""Trying again."""

import pytest

from engine.builder.patience import patiently
from proto.errdefs import Fault, Internal, NotFound, Unavailable


class Work:
    """Fails in the given ways, one after the other."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = list(faults)
        self.tries = 0

    async def __call__(self) -> None:
        """One try."""
        self.tries += 1
        if self.faults:
            raise self.faults.pop(0)


@pytest.mark.parametrize(
    ("faults", "tries"),
    [
        ([], 1),
        ([Unavailable("away"), Internal("still away")], 3),
        ([NotFound("gone")], 1),
        ([Unavailable("away")] * 9, 4),
    ],
)
async def test_what_fails_is_tried_again_but_not_forever(faults: list[Fault], tries: int) -> None:
    work = Work(*faults)
    await patiently("work", work, (0.0, 0.0, 0.0))
    assert work.tries == tries
