"""The grammar of identifiers: names that are safe as one component of a path, as containerd's clients know it."""

import json
import re

from proto.errdefs import InvalidArgument

MAX_LENGTH = 76
PATTERN = r"^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$"
# Python's `$` would also accept a final newline; clients are shown the pattern above.
_IDENTIFIER = re.compile(PATTERN.replace("$", r"\Z"))


def validate_identifier(identifier: str) -> None:
    if not identifier:
        raise InvalidArgument("identifier must not be empty: invalid argument")
    if len(identifier.encode()) > MAX_LENGTH:
        raise InvalidArgument(
            f"identifier {quoted(identifier)} greater than maximum length ({MAX_LENGTH} characters): invalid argument"
        )
    if not _IDENTIFIER.match(identifier):
        raise InvalidArgument(f"identifier {quoted(identifier)} must match {PATTERN}: invalid argument")


def quoted(text: str) -> str:
    """Quote as the original's error messages do: double quotes, backslash escapes, other scripts left readable."""
    return json.dumps(text, ensure_ascii=False)
