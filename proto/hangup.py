"""Noticing that a peer has closed its socket altogether, and not only the half by which it sends.

asyncio tells the end of what a peer sends, which is often no more than the end of a client's input; a close it tells
only to whoever writes. A client that waited for a silent container's output would be kept for ever.
"""

import asyncio
import select


async def hung_up(fd: int) -> None:
    """Return once nobody is at the other end: EPOLLHUP or EPOLLERR of epoll_ctl(2), which come unasked.

    A TCP peer that closes cannot be told from one that has ended its input, until something is written.
    """
    with select.epoll() as watch:
        watch.register(fd, 0)
        loop = asyncio.get_running_loop()
        seen = asyncio.Event()
        loop.add_reader(watch.fileno(), seen.set)
        try:
            await seen.wait()
        finally:
            loop.remove_reader(watch.fileno())
