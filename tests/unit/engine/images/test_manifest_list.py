"""Lists of images that are elsewhere."""

import json
from typing import Any

import pytest

from engine.images.manifest_list import ListPusher, Member, document, members_from
from engine.images.reference import parse
from engine.images.registry_auth import Credentials
from engine.images.registry_client import RegistryClient
from proto.errdefs import Internal, InvalidArgument, NotFound, PermissionDenied
from tests.fakes.registry import INDEX, MANIFEST, FakeRegistry, giving_token, needing_token, serving

DIGEST = "sha256:" + "1" * 64
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


def member(registry: FakeRegistry, descriptor: dict[str, Any], repository: str = "a", arch: str = "amd64") -> Member:
    platform = {"os": "linux", "architecture": arch}
    return Member(parse(f"{registry.host}/{repository}:x"), descriptor | {"platform": platform})


async def push(registry: FakeRegistry, *members: Member, to: str = "a:list") -> str:
    return await ListPusher(RegistryClient()).push(parse(f"{registry.host}/{to}"), members, Credentials("u", "p"))


async def test_members_that_are_there_are_listed_under_one_name() -> None:
    async with serving() as registry:
        one, two = registry.add_image([b"one"]), registry.add_image([b"two"])
        digest = await push(registry, member(registry, one), member(registry, two, arch="arm64"))
        kind, data = registry.manifests["list"]
        assert (kind, registry.manifests[digest][1]) == (INDEX, data)
        listed = json.loads(data)["manifests"]
        assert [(entry["digest"], entry["platform"]["architecture"]) for entry in listed] == [
            (one["digest"], "amd64"),
            (two["digest"], "arm64"),
        ]
        assert registry.requests("POST") == []


async def test_members_of_another_repository_are_brought_over_by_mounting() -> None:
    async with serving() as registry:
        one = registry.add_image([b"one"])

        async def only_there(request: Any) -> Any:
            if request.method == "HEAD" and request.path.startswith("/v2/b/"):
                from aiohttp import web

                return web.Response(status=404)
            return None

        registry.tricks.append(only_there)
        await push(registry, member(registry, one), to="b:list")
        mounts = [path for _, path, _ in registry.requests("POST", "mount=")]
        assert len(mounts) == 2
        assert all(path.startswith("/v2/b/blobs/uploads/?") and "from=a" in path for path in mounts)
        puts = [path for _, path, _ in registry.requests("PUT", "/v2/b/manifests/")]
        assert puts == [f"/v2/b/manifests/{one['digest']}", "/v2/b/manifests/list"]
        registry.mounts = False
        with pytest.raises(Internal, match="did not mount sha256:.* from a: status 202"):
            await push(registry, member(registry, one), to="b:list")


async def test_a_token_is_asked_for_once_and_for_both_repositories() -> None:
    async with serving() as registry:
        one = registry.add_image([b"one"])
        registry.tricks += [giving_token(), needing_token(f"http://{registry.host}/token")]
        await push(registry, member(registry, one), to="b:list")
        ((_, path, _),) = registry.requests("GET", "/token")
        assert path.count("scope=") == 2
        assert "repository%3Ab%3Apull" in path or "repository:b:pull" in path


async def test_what_cannot_be_listed_is_refused() -> None:
    async with serving() as registry:
        one = registry.add_image([b"one"])
        stranger = Member(parse("r.io/a:1"), one)
        with pytest.raises(InvalidArgument, match="from a different registry than the target image: r.io != 127"):
            await push(registry, stranger)
        with pytest.raises(InvalidArgument, match="has no manifests to push"):
            await push(registry)
        missing = Member(parse(f"{registry.host}/a:1"), {"mediaType": MANIFEST, "digest": DIGEST, "size": 1})
        with pytest.raises(NotFound, match="no such manifest"):
            await push(registry, missing)


async def test_a_refusal_is_in_dockers_words() -> None:
    async with serving() as registry:
        one = registry.add_image([b"one"])

        async def refuse(request: Any) -> Any:
            from aiohttp import web

            return web.Response(status=403) if request.method == "PUT" else None

        registry.tricks.append(refuse)
        with pytest.raises(PermissionDenied, match="requested access to the resource is denied"):
            await push(registry, member(registry, one))


def test_the_list_is_of_the_kind_of_its_members() -> None:
    oci = Member(parse("r.io/a:1"), {"mediaType": MANIFEST, "digest": DIGEST, "size": 1})
    docker = Member(parse("r.io/a:2"), {"mediaType": DOCKER, "digest": DIGEST, "size": 1})
    assert document([oci])[0] == INDEX
    assert document([oci, docker])[0] == "application/vnd.docker.distribution.manifest.list.v2+json"


def test_what_a_client_sends_is_checked() -> None:
    descriptor = {"mediaType": MANIFEST, "digest": DIGEST, "size": 1}
    (read,) = members_from({"Manifests": [{"Ref": "r.io/a:1", "Descriptor": descriptor}]})
    assert (read.reference.familiar, read.digest) == ("r.io/a:1", DIGEST)
    for wrong in ({}, {"Ref": "r.io/a"}, {"Ref": "r.io/a", "Descriptor": descriptor | {"digest": "x"}}, 7):
        with pytest.raises(InvalidArgument):
            members_from({"Manifests": [wrong]})
