"""User strings: numbers are numbers, names are names, nothing else is root."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.containers.users import home_of, resolve
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


@pytest.mark.parametrize(
    "text",
    [
        "4294967295",
        "4294967296",
        "18446744073709551616",
        "-0",
        "+0",
        "0 ",
        "0\n",
        "0x0",
        "0o0",
        "0b0",
        "00x",
        "1e0",
        "٠",
        "０",
        "²",
        "root ",
        "Root",
        "roo",
        "rootx",
        ":-1",
        ":nobody",
        "0:٠",
        "1000:4294967296",
        "root:wheel:staff",
        "\x00",
        "root\x00",
    ],
)
def test_no_spelling_of_somebody_else_becomes_root(text: str) -> None:
    """CVE-2024-40635, CVE-2026-30892: refused, each of them."""
    with pytest.raises(InvalidArgument):
        resolve(text, (), PASSWD, GROUP)


@pytest.mark.parametrize(("text", "uid"), [("00", 0), ("007", 7), ("2147483647", 2147483647)])
def test_leading_zeros_are_decimal(text: str, uid: int) -> None:
    """As strconv.Atoi reads them."""
    assert resolve(text, (), PASSWD, GROUP).uid == uid


def test_a_number_of_any_length_is_the_clients_mistake() -> None:
    """400, not 500."""
    with pytest.raises(InvalidArgument):
        resolve("9" * 5000, (), PASSWD, GROUP)


def test_digits_that_are_none_in_an_images_files_are_passed_over() -> None:
    """A row that makes no sense is no row; the container starts without it."""
    passwd, group = "odd:x:²:³::/:\n" + PASSWD, "odd:x:²:www\n" + GROUP
    assert resolve("www", (), passwd, group) == User(33, 34, (10,))
    with pytest.raises(InvalidArgument):
        resolve("odd", (), passwd, group)


def test_rows_that_make_no_sense_are_passed_over() -> None:
    """Short ones, empty ones, comments, other systems' line ends."""
    passwd = "\n:x:0:0::/:\nshort:x:5\n#www:x:0:0::/:\n+::::::\n\twww:x:33:34::/:/bin/sh\r\n"
    assert resolve("www", (), passwd, "") == User(33, 34)


def test_the_first_row_of_a_name_counts() -> None:
    """As getpwnam(3) does."""
    assert resolve("a", (), "a:x:1:2::/:\na:x:0:0::/:\n", "") == User(1, 2)


def test_a_name_that_looks_like_a_number_is_found_by_name() -> None:
    """And where there is no such row, it is the number."""
    assert resolve("33", (), "33:x:44:45::/:\n", "") == User(44, 45)
    assert resolve("33", (), "other:x:44:45::/:\n", "") == User(33, 0)


def test_an_image_without_files_knows_numbers_only() -> None:
    """FROM scratch."""
    assert resolve("", (), "", "") == User(0, 0)
    assert resolve("5:6", ("7",), "", "") == User(5, 6, (7,))
    with pytest.raises(InvalidArgument, match="unable to find user root: no matching entries in passwd file"):
        resolve("root", (), "", "")


def test_membership_is_by_whole_names() -> None:
    """ "www" is no member because "www-data" is one."""
    group = "a:x:1:www-data\nb:x:2:xwww\nc:x:3:other,www\nd:x:4:WWW\n"
    assert resolve("www", (), PASSWD, group).groups == (3,)


def test_groups_of_a_number_are_those_of_its_name() -> None:
    """`--user 33` is www with www's groups, as with dockerd."""
    assert resolve("33", (), PASSWD, GROUP) == resolve("www", (), PASSWD, GROUP)


def test_a_group_is_there_once() -> None:
    """However often it is named."""
    assert resolve("www", ("wheel", "10", "wheel"), PASSWD, GROUP).groups == (10,)


@given(st.text(max_size=10), st.text(max_size=60), st.text(max_size=60))
def test_no_image_makes_a_user_out_of_nothing(spec: str, passwd: str, group: str) -> None:
    """Whatever its files say: a user in range, or a refusal."""
    assume(not any(letter.isdigit() and not letter.isascii() for letter in passwd + group))
    try:
        user = resolve(spec, (), passwd, group)
    except InvalidArgument:
        return
    assert user.uid >= 0
    if user.uid == 0:
        name = spec.partition(":")[0]
        assert name == "" or name.strip("0") == "" or name in passwd


@pytest.mark.parametrize(("uid", "home"), [(0, "/root"), (33, "/"), (34, "/")])
def test_a_users_home_is_the_images_or_the_root(uid: int, home: str) -> None:
    assert home_of(uid, PASSWD) == home
    assert home_of(uid, "") == "/"
