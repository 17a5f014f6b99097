"""The HTTP edge."""

import json

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from engine.api.app import Api, Route, respond
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
    response = await Api(routes, Background()).handle(make_mocked_request(method, path))
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
    assert body["message"].startswith("client version 1.99 is too new. Maximum supported API version is 1.51")
    assert "too old" in (await ask("GET", "/v1.10/plain"))[1]["message"]


async def test_faults_are_statuses() -> None:
    assert await ask("POST", "/fail/nf") == (404, {"message": "words"})
    assert await ask("POST", "/fail/conflict") == (409, {"message": "words"})
    assert await ask("POST", "/fail/same") == (304, {})
    assert await ask("POST", "/fail/boom") == (500, {"message": "words"})


async def test_a_defect_is_500_and_an_unknown_path_404() -> None:
    assert (await ask("GET", "/crash"))[0] == 500
    assert await ask("GET", "/nope") == (404, {"message": "page not found"})
