"""Archives that the engine fetches itself."""

import pytest

from engine.images.fetch import address, fetched
from proto.errdefs import Fault, Internal, InvalidArgument, NotFound, PermissionDenied
from tests.fakes.web import at_home


def test_an_address_without_a_scheme_is_a_plain_one() -> None:
    assert address("example.org/x.tar") == "http://example.org/x.tar"
    assert address("https://example.org/x.tar") == "https://example.org/x.tar"


@pytest.mark.parametrize("text", ["file:///etc/passwd", "ftp://h/x", "http:///x", "unix:///run/x"])
def test_nothing_but_the_web_is_fetched(text: str) -> None:
    with pytest.raises(InvalidArgument, match="^Get "):
        address(text)


async def test_the_body_comes_as_it_is() -> None:
    async with at_home({"/x": b"\x1f\x8bpacked"}) as base, fetched(f"http://{base}/x") as found:
        assert found.size == 8
        assert b"".join([piece async for piece in found.chunks]) == b"\x1f\x8bpacked"


@pytest.mark.parametrize(
    ("status", "kind"), [(403, PermissionDenied), (404, NotFound), (400, InvalidArgument), (503, Internal)]
)
async def test_a_refusal_has_the_servers_words(status: int, kind: type[Fault]) -> None:
    async with at_home({"/x": b"because"}, status=status) as base:
        with pytest.raises(kind, match=f"with status {status} .*: because"):
            async with fetched(f"http://{base}/x"):
                raise AssertionError


async def test_nobody_there_is_told_with_the_address() -> None:
    async with at_home({}) as base:
        pass
    with pytest.raises(Internal, match=f'^Get "http://{base}/x": '):
        async with fetched(f"http://{base}/x"):
            raise AssertionError
