"""The HTTP edge."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from engine import jsontext
from engine.api.app import Api, Route, respond, respond_many
from engine.api.call import Call
from engine.background import Background
from proto.errdefs import Conflict, Fault, NotFound, NotModified


class Echo:
    """Handlers that say what they saw."""

    async def ok(self, call: Call) -> web.StreamResponse:
        return respond({"path": dict(call.path), "version": call.version})

    async def fail(self, call: Call) -> web.StreamResponse:
        raise {"nf": NotFound, "conflict": Conflict, "same": NotModified, "boom": Fault}[call.path["kind"]]("words")

    async def crash(self, call: Call) -> web.StreamResponse:
        raise KeyError("oops")


async def ask(method: str, path: str) -> tuple[int, dict]:
    echo = Echo()
    routes = [
        Route("GET", "/plain", echo.ok),
        Route("GET", "/things/{id}/json", echo.ok),
        Route("GET", "/images/{name:.+}/json", echo.ok),
        Route("POST", "/fail/{kind}", echo.fail),
        Route("GET", "/crash", echo.crash),
    ]
    request = make_mocked_request(method, path)
    request.writer.output_size = 0
    response = await Api(routes, Background()).handle(request)
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes | None)
    return response.status, json.loads(response.body) if response.body else {}


async def test_the_version_is_optional_and_known_to_the_handler() -> None:
    assert await ask("GET", "/plain") == (200, {"path": {}, "version": [1, 51]})
    assert await ask("GET", "/v1.24/things/x/json") == (200, {"path": {"id": "x"}, "version": [1, 24]})


async def test_a_place_may_hold_slashes_if_it_says_so() -> None:
    assert (await ask("GET", "/images/a/b:c/json"))[1]["path"] == {"name": "a/b:c"}
    assert (await ask("GET", "/things/a/b/json"))[0] == 404


async def test_versions_out_of_range_are_refused_in_dockers_words() -> None:
    status, body = await ask("GET", "/v1.99/plain")
    assert status == 400
    assert body["message"].startswith("client version 1.99 is too new. Maximum supported API version is 1.56")
    assert "too old" in (await ask("GET", "/v1.10/plain"))[1]["message"]


async def test_faults_are_statuses() -> None:
    assert await ask("POST", "/fail/nf") == (404, {"message": "words"})
    assert await ask("POST", "/fail/conflict") == (409, {"message": "words"})
    assert await ask("POST", "/fail/same") == (304, {})
    assert await ask("POST", "/fail/boom") == (500, {"message": "words"})


async def test_a_defect_is_500_and_an_unknown_path_404() -> None:
    assert (await ask("GET", "/crash"))[0] == 500
    assert await ask("GET", "/nope") == (404, {"message": "page not found"})


@pytest.mark.parametrize(
    "path",
    ["/v1.51", "/v1", "/v1.51.2/plain", "//plain", "/plain/", "/v1.51//plain", "/v-1/plain", "/vx/plain", "/PLAIN"],
)
async def test_paths_that_are_almost_one(path: str) -> None:
    """404, whatever the router of the day makes of them."""
    assert (await ask("GET", path))[0] == 404


async def test_a_method_that_a_path_does_not_have() -> None:
    """404 as well."""
    assert (await ask("DELETE", "/plain"))[0] == 404


async def test_a_version_of_many_digits_is_only_too_new() -> None:
    """And no defect."""
    status, body = await ask("GET", f"/v1.{'9' * 30}/plain")
    assert (status, "too new" in body["message"]) == (400, True)


async def test_a_version_of_very_many_digits_too() -> None:
    """400, not 500."""
    assert (await ask("GET", f"/v1.{'9' * 5000}/plain"))[0] == 400


def test_every_answer_names_version_and_system() -> None:
    """Clients negotiate by it."""
    response = respond({"a": "é"})
    assert response.body == b'{"a":"\xc3\xa9"}\n'
    assert response.headers["Api-Version"] == "1.51"
    assert response.headers["Ostype"] == "linux"


async def test_a_change_runs_to_its_end_without_its_client() -> None:
    """A client that leaves during a create leaves no half container."""
    finished, begun = asyncio.Event(), asyncio.Event()

    async def slow(call: Call) -> web.StreamResponse:
        begun.set()
        await asyncio.sleep(0.02)
        finished.set()
        return respond({})

    background = Background()
    api = Api([Route("POST", "/slow", slow)], background)
    client = asyncio.ensure_future(api.handle(make_mocked_request("POST", "/slow")))
    await begun.wait()
    client.cancel()
    await asyncio.gather(client, return_exceptions=True)
    async with asyncio.timeout(2):
        await finished.wait()
    await background.close()


async def test_a_question_ends_with_its_client() -> None:
    """Nobody would read the answer."""
    ended = asyncio.Event()

    async def slow(call: Call) -> web.StreamResponse:
        try:
            await asyncio.sleep(100)
        finally:
            ended.set()
        return respond({})

    client = asyncio.ensure_future(
        Api([Route("GET", "/slow", slow)], Background()).handle(make_mocked_request("GET", "/slow"))
    )
    await asyncio.sleep(0)
    client.cancel()
    await asyncio.gather(client, return_exceptions=True)
    assert ended.is_set()


async def test_an_answer_that_breaks_off_ends_its_connection_instead_of_a_second_status(tmp_path: Path) -> None:
    async def breaks_off(call: Call) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(call.request)
        await response.write(b"half of it")
        raise NotFound("the other half")

    runner = web.ServerRunner(web.Server(Api([Route("GET", "/half", breaks_off)], Background()).handle))
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "s")).start()
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
    writer.write(b"GET /half HTTP/1.1\r\nHost: d\r\n\r\n")
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(5):
            answer = await reader.read()
    writer.close()
    await runner.cleanup()
    assert answer.count(b"HTTP/1.1") <= 1
    assert not answer.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("count", [0, 1, 64, 65, 200])
async def test_a_long_list_lets_others_in_between_its_slices(count: int) -> None:
    """And is the same JSON."""
    documents = [{"Id": f"é{number}", "Labels": None} for number in range(count)]
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    meanwhile = asyncio.ensure_future(other())
    answer = await respond_many(documents)
    meanwhile.cancel()
    assert isinstance(answer.body, bytes)
    assert answer.body == jsontext.dumps(documents) + b"\n"
    assert turns >= count // 64
