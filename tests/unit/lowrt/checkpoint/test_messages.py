"""Requests and answers of criu's RPC."""

import pytest

from lowrt.checkpoint import messages
from lowrt.errors import Fault
from tests.fakes.lowrt_criu import google_decode, google_encode


def test_a_request_is_what_criu_reads() -> None:
    options = {"images_dir_fd": 7, "ext_mnt": [{"key": "/a", "val": "/b"}], "ps": {"address": "::1", "port": 9}}
    packet = messages.request(messages.DUMP, opts=options)
    assert google_decode("request", packet) == {"type": 1, "opts": options}


def test_an_answer_is_what_criu_wrote() -> None:
    answer = {"type": "NOTIFY", "success": True, "notify": {"script": "post-restore", "pid": 42}, "cr_errno": -1}
    read = messages.response(google_encode("response", answer))
    assert read == {**answer, "type": messages.NOTIFY}


def test_what_says_nothing_is_no_answer() -> None:
    with pytest.raises(Fault, match="unable to parse the response of criu"):
        messages.response(b"\x08\x01")


@pytest.mark.parametrize(
    ("version", "number"),
    [
        ({"major_number": 4, "minor_number": 2, "sublevel": 1}, 40201),
        ({"major_number": 3, "minor_number": 17}, 31700),
        ({"major_number": 3, "minor_number": 14, "sublevel": 2, "gitid": "v3.14-7-gabc"}, 31500),
    ],
)
def test_a_version_is_one_number(version: dict[str, int | str], number: int) -> None:
    assert messages.version_number(version) == number
