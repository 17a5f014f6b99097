"""The `wherry://` name of an output that the shim owns: an attach socket, a log, and whether there is an input.

    wherry:///path/of/socket?log=/path&driver=json-file|none&max-size=BYTES&max-file=N&compress=0|1
                            &stdin=0|1&stdin-once=0|1&labels-json={…}

A key or driver that is not known is refused: an engine must never believe that a log is written which is not.
"""

import json
import logging
from urllib.parse import SplitResult, parse_qsl, unquote

from proto.errdefs import Fault, InvalidArgument
from shim.jsonlog import encode_attributes
from shim.logfile import LogFile, LogSettings, compress_in_child

logger = logging.getLogger(__name__)

SCHEME = "wherry"
_KEYS = {"log", "driver", "max-size", "max-file", "compress", "stdin", "stdin-once", "labels-json"}


class OwnedOutput:
    """The parsed name."""

    __slots__ = ("log", "socket", "stdin", "stdin_once")

    def __init__(self, socket: str, log: LogSettings | None, *, stdin: bool, stdin_once: bool) -> None:
        self.socket = socket
        self.log = log
        self.stdin = stdin
        self.stdin_once = stdin_once

    def open_log(self) -> LogFile | None:
        """The log's writer; raises Fault when the file cannot be opened."""
        if self.log is None:
            return None
        try:
            return LogFile(self.log, compress_in_child, _WarnOnce())
        except OSError as error:
            raise Fault(f"failed to open the log {self.log.path}: {error.strerror}") from error


def parse(uri: SplitResult) -> OwnedOutput:
    """OwnedOutput of a name; raises InvalidArgument saying which part is wrong."""
    values = dict(parse_qsl(uri.query, keep_blank_values=True))
    if unknown := sorted(values.keys() - _KEYS):
        raise InvalidArgument(f"unknown key {unknown[0]!r} in the output's name")
    path = unquote(uri.path)
    if not path.startswith("/"):
        raise InvalidArgument("the output's name has no absolute path of a socket")
    return OwnedOutput(path, _log(values), stdin=_flag(values, "stdin"), stdin_once=_flag(values, "stdin-once"))


def _log(values: dict[str, str]) -> LogSettings | None:
    driver = values.get("driver", "json-file")
    path = values.get("log", "")
    if driver == "none" or not path:
        return None
    if driver != "json-file":
        raise InvalidArgument(f"log driver {driver!r} is not written by this shim; json-file and none are")
    return LogSettings(
        path,
        max_size=_number(values, "max-size", -1),
        max_files=_number(values, "max-file", 1),
        compress=_flag(values, "compress"),
        attributes=_attributes(values.get("labels-json", "")),
    )


def _number(values: dict[str, str], key: str, default: int) -> int:
    text = values.get(key, "")
    try:
        return int(text) if text else default
    except ValueError:
        raise InvalidArgument(f"{key}={text!r} is no number") from None


def _flag(values: dict[str, str], key: str) -> bool:
    text = values.get(key, "0")
    if text not in ("0", "1", "true", "false"):
        raise InvalidArgument(f"{key}={text!r} is neither 0 nor 1")
    return text in ("1", "true")


def _attributes(text: str) -> str:
    if not text:
        return ""
    try:
        labels = json.loads(text)
    except ValueError:
        labels = None
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise InvalidArgument("labels-json is not an object of strings")
    return encode_attributes(labels)


class _WarnOnce:
    """Tell of the first error of a log; a full disk would otherwise fill another one."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            logger.error("cannot write the container's log: %s", error)
