"""The engine's log."""

import asyncio
import logging

from engine import log


async def test_a_line_carries_its_requests_id_into_the_work_that_it_began() -> None:
    async def request() -> tuple[str, logging.LogRecord]:
        name = log.begin_request()
        record = logging.LogRecord("x", logging.INFO, "", 0, "text", None, None)
        await asyncio.get_running_loop().create_task(later(record))
        return name, record

    async def later(record: logging.LogRecord) -> None:
        log._mark(record)

    first, second = await asyncio.gather(request(), request())
    assert first[0] != second[0]
    assert [record.__dict__["request"] for _, record in (first, second)] == [
        f" request={first[0]}",
        f" request={second[0]}",
    ]


def test_a_line_of_no_request_has_none() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "text", None, None)
    log._mark(record)
    assert record.__dict__["request"] == ""


def test_the_level_changes_at_once() -> None:
    before = logging.getLogger().level
    try:
        log.set_level("error")
        assert logging.getLogger().level == logging.ERROR
    finally:
        logging.getLogger().setLevel(before)
