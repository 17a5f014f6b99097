"""The wherry:// name."""

from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from proto.errdefs import Fault, InvalidArgument
from shim import owned_output


def parse(name: str) -> owned_output.OwnedOutput:
    """A name as Create has it."""
    return owned_output.parse(urlsplit(name))


def test_a_name_with_everything() -> None:
    """As an engine writes it."""
    labels = quote('{"b":"2","a":"1"}')
    parsed = parse(
        "wherry:///run/x/attach.sock?log=/var/c-json.log&driver=json-file&max-size=10485760&max-file=3&compress=1"
        f"&stdin=1&stdin-once=0&labels-json={labels}"
    )
    assert (parsed.socket, parsed.stdin, parsed.stdin_once) == ("/run/x/attach.sock", True, False)
    assert parsed.log is not None
    log = parsed.log
    assert (log.path, log.max_size, log.max_files, log.compress) == ("/var/c-json.log", 10485760, 3, True)
    assert log.attributes == '{"a":"1","b":"2"}'


def test_a_socket_alone_is_enough() -> None:
    """No log, no input."""
    parsed = parse("wherry:///run/a%20b.sock")
    assert (parsed.socket, parsed.log, parsed.stdin, parsed.open_log()) == ("/run/a b.sock", None, False, None)


def test_the_none_driver_writes_nothing() -> None:
    """Even with a path."""
    assert parse("wherry:///s?log=/var/x&driver=none").log is None


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("wherry:///s?log=/x&driver=local", "log driver 'local'"),
        ("wherry:///s?colour=red", "unknown key 'colour'"),
        ("wherry:", "no absolute path"),
        ("wherry:///s?log=/x&max-size=big", "max-size='big'"),
        ("wherry:///s?stdin=maybe", "stdin='maybe'"),
        ("wherry:///s?log=/x&labels-json=[]", "labels-json"),
    ],
)
def test_what_cannot_be_done_is_refused(name: str, what: str) -> None:
    """By name."""
    with pytest.raises(InvalidArgument, match=what):
        parse(name)


def test_a_log_that_cannot_be_opened_is_a_fault(tmp_path: Path) -> None:
    """With its path."""
    with pytest.raises(Fault, match="failed to open the log"):
        parse(f"wherry:///s?log={tmp_path}/no/c.log").open_log()
