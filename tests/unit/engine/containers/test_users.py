"""User strings: numbers are numbers, names are names, nothing else is root."""

import pytest

from engine.containers.users import resolve
from engine.spec.process import User
from proto.errdefs import InvalidArgument

PASSWD = "root:x:0:0:root:/root:/bin/sh\nwww:x:33:34::/:/bin/sh\n# comment\nbroken:x:a:b::/:\n"
GROUP = "root:x:0:\nwheel:x:10:root,www\nstaff:x:50:\n"


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("", User(0, 0, (10,))),
        ("root", User(0, 0, (10,))),
        ("www", User(33, 34, (10,))),
        ("33", User(33, 34, (10,))),
        ("33:50", User(33, 50)),
        ("www:staff", User(33, 50)),
        ("1000", User(1000, 0)),
        ("1000:1001", User(1000, 1001)),
        (":50", User(0, 50)),
        ("www:", User(33, 34, (10,))),
    ],
)
def test_spellings(text: str, user: User) -> None:
    assert resolve(text, (), PASSWD, GROUP) == user


@pytest.mark.parametrize(
    "text", ["nobody", "4294967296", "2147483648", "-1", "0x0", " 0", "broken", "www:nope", "1:-1"]
)
def test_what_is_no_user_is_refused_and_never_root(text: str) -> None:
    with pytest.raises(InvalidArgument):
        resolve(text, (), PASSWD, GROUP)


def test_more_groups_by_name_or_number() -> None:
    assert resolve("www:staff", ["wheel", "77"], PASSWD, GROUP).groups == (10, 77)
    with pytest.raises(InvalidArgument, match="Unable to find group nope"):
        resolve("", ["nope"], PASSWD, GROUP)
