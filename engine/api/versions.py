"""API versions: which we speak, and the check of the one a client asks for.

A client that names no version, or takes the one that the engine advertises, gets 1.51: what 1.52 took away (the old
names in events, NetworkSettings.IPAddress) is what many who choose so still read. Whoever asks for a newer one gets
it. Whoever asks for one older than any that is described gets the oldest of those, as with dockerd before 25.
"""

from proto.errdefs import InvalidArgument

Version = tuple[int, int]

NEWEST: Version = (1, 56)
ADVERTISED: Version = (1, 51)
OLDEST: Version = (1, 24)
_TAKEN: Version = (1, 12)  # older than the oldest described one, and still asked for: skopeo says 1.22


def show(version: Version) -> str:
    """(1, 56) → "1.56"."""
    return f"{version[0]}.{version[1]}"


def negotiate(text: str | None) -> Version:
    """The version in the path; none means the advertised one."""
    if text is None:
        return ADVERTISED
    major, _, minor = text.partition(".")
    try:
        version = (int(major), int(minor or 0))
    except ValueError:  # more digits than int() reads
        raise InvalidArgument(f"invalid API version: {text[:32]}…") from None
    if version > NEWEST:
        raise InvalidArgument(f"client version {text} is too new. Maximum supported API version is {show(NEWEST)}")
    if version < _TAKEN:
        raise InvalidArgument(
            f"client version {text} is too old. Minimum supported API version is {show(_TAKEN)}, "
            "please upgrade your client to a newer version"
        )
    return max(version, OLDEST)
