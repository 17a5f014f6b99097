"""The routes that ask a registry."""

from engine.api.routes.auth import routes
from engine.images.reference import Reference
from engine.images.registry_auth import Credentials
from proto.errdefs import Unauthenticated
from tests.fakes.engine_api import served


class FakeRegistryClient:
    """Knows one user and every name."""

    async def login(self, credentials: Credentials) -> str:
        if credentials.password != "p":
            raise Unauthenticated("unauthorized: incorrect username or password")
        return "token"

    async def distribution(
        self, reference: Reference, credentials: Credentials, *, manifest: bool = False, insecure: bool = False
    ) -> dict[str, object]:
        return {"Descriptor": {"digest": str(reference)}, "Platforms": []} | ({"Manifest": {}} if manifest else {})


async def test_a_login_succeeds_or_is_a_401() -> None:
    async with served(routes(FakeRegistryClient())) as client:  # type: ignore[arg-type]
        good = {"username": "u", "password": "p", "serveraddress": "r.io"}
        assert await client.ask("POST", "/auth", json=good) == (
            200,
            {"IdentityToken": "token", "Status": "Login Succeeded"},
        )
        assert (await client.ask("POST", "/auth", json={**good, "password": "x"}))[0] == 401
        assert (await client.ask("POST", "/auth"))[0] == 400


async def test_a_name_is_understood_in_any_spelling() -> None:
    async with served(routes(FakeRegistryClient())) as client:  # type: ignore[arg-type]
        _, document = await client.ask("GET", "/distribution/busybox/json")
        assert document["Descriptor"]["digest"] == "docker.io/library/busybox:latest"
        assert "Manifest" not in document
        assert "Manifest" in (await client.ask("GET", "/distribution/busybox/json?manifest=1"))[1]
        _, document = await client.ask("GET", "/distribution/r.io/a/b:1/json")
        assert document["Descriptor"]["digest"] == "r.io/a/b:1"


async def test_a_list_is_read_before_any_registry_is_asked() -> None:
    async with served(routes(FakeRegistryClient())) as client:  # type: ignore[arg-type]
        path = "/distribution/r.io/a:1/json"
        status, answer = await client.ask("PUT", path, json={"Manifests": [{"Ref": "r.io/a:2"}]})
        assert (status, answer["message"].partition(":")[0]) == (400, "Manifests")
        assert (await client.ask("PUT", path, json={}))[1]["message"] == "r.io/a:1 has no manifests to push"
        status, answer = await client.ask("PUT", f"/distribution/r.io/a@sha256:{'1' * 64}/json", json={})
        assert (status, answer["message"]) == (400, "a manifest list is pushed under a tag")
