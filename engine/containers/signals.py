"""Signal names and numbers, as Docker's clients write them."""

import signal

from proto.errdefs import InvalidArgument

_NUMBERS = {member.name.removeprefix("SIG"): int(member) for member in signal.Signals}
_NUMBERS |= {f"RTMIN+{n}": signal.SIGRTMIN + n for n in range(1, 16)}
_NUMBERS |= {f"RTMAX-{n}": signal.SIGRTMAX - n for n in range(1, 15)}
_NUMBERS |= {"CLD": int(signal.SIGCHLD), "IOT": int(signal.SIGABRT), "POLL": int(signal.SIGIO)}


def parse_signal(text: str) -> int:
    """ "TERM", "SIGTERM", "15" → 15."""
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        if digits is not text or len(text) > 8 or int(text) > int(signal.SIGRTMAX):
            raise InvalidArgument(f"the linux daemon does not support signal {text}")
        if int(text) > 0:
            return int(text)
    found = _NUMBERS.get(text.upper().removeprefix("SIG"))
    if found is None:
        raise InvalidArgument(f"invalid signal: {text}")
    return found
