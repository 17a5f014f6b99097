"""`wherry manifest push`: a list of images that registries have already, under a name that is for all of them.

Nothing of this needs the supervisor's content. Manifests of another repository of the registry are brought over: their
blobs by mounting, which moves no bytes, then they themselves, then the list. See
https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from engine import jsontext
from engine.images import reference as references
from engine.images.manifests import INDEX_TYPES
from engine.images.reference import Reference
from engine.images.registry_auth import Credentials
from engine.images.registry_client import RegistryClient, authorization, bounded, registry_host
from proto.errdefs import DataLoss, Internal, InvalidArgument, NotFound, PermissionDenied

Json = dict[str, Any]

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_OCI = "application/vnd.oci."


@dataclass(frozen=True, slots=True)
class Member:
    """One image of a list: where it is, and its descriptor with its platform."""

    reference: Reference
    descriptor: Json

    @property
    def digest(self) -> str:
        return str(self.descriptor["digest"])


def members_from(body: Json) -> list[Member]:
    """Read `{"Manifests": [{"Ref": …, "Descriptor": {…}}]}`."""
    found = []
    for one in body.get("Manifests") or ():
        descriptor = one.get("Descriptor") if isinstance(one, dict) else None
        if not isinstance(descriptor, dict) or not {"mediaType", "digest", "size"} <= set(descriptor):
            raise InvalidArgument("Manifests: each has a Ref, and a Descriptor with mediaType, digest and size")
        if not references.is_digest(str(descriptor["digest"])):
            raise InvalidArgument(f"invalid digest {descriptor['digest']!r}")
        found.append(Member(references.parse(str(one.get("Ref") or "")), descriptor))
    return found


def document(members: Sequence[Member]) -> tuple[str, bytes]:
    """The list's type and its bytes: OCI's where all members are."""
    oci = all(str(member.descriptor.get("mediaType", "")).startswith(_OCI) for member in members)
    kind = OCI_INDEX if oci else _DOCKER_LIST
    listed = {"schemaVersion": 2, "mediaType": kind, "manifests": [member.descriptor for member in members]}
    return kind, json.dumps(listed, indent=3).encode()


class ListPusher:
    """Pushes lists."""

    def __init__(self, registry: RegistryClient) -> None:
        self._registry = registry

    async def push(
        self, target: Reference, members: Sequence[Member], credentials: Credentials, *, insecure: bool = False
    ) -> str:
        """Push one; answers its digest."""
        if not members:
            raise InvalidArgument(f"{target.familiar} has no manifests to push")
        for member in members:
            if member.reference.domain != target.domain:
                raise InvalidArgument(
                    "cannot use source images from a different registry than the target image: "
                    f"{member.reference.domain} != {target.domain}"
                )
        async with self._registry.session(registry_host(target.domain), insecure=insecure) as (session, base):
            push = _Push(session, base, target, members, credentials)
            for member in members:
                await push.bring(member)
            kind, data = document(members)
            return await push.put(kind, data, target.tag or "latest")


class _Push:
    """One push under way."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: str,
        target: Reference,
        members: Sequence[Member],
        credentials: Credentials,
    ) -> None:
        self._session = session
        self._base = base
        self._target = target
        self._credentials = credentials
        sources = sorted({member.reference.path for member in members} - {target.path})
        scopes = [f"repository:{target.path}:pull,push", *(f"repository:{path}:pull" for path in sources)]
        self._scope = " ".join(scopes)
        self._headers: dict[str, str] = {}

    async def bring(self, member: Member) -> None:
        """See that the target's repository has a member."""
        kind = str(member.descriptor["mediaType"])
        own = f"{self._target.path}/manifests/{member.digest}"
        if (await self._ask("HEAD", own, Accept=kind))[0] == 200:
            return
        source = f"{member.reference.path}/manifests/{member.digest}"
        status, data, _ = await self._ask("GET", source, Accept=kind)
        if status != 200:
            raise NotFound(f"no such manifest: {member.reference.familiar_name}@{member.digest}")
        for digest in _blobs(data):
            await self._mount(digest, member.reference.path)
        await self.put(kind, data, member.digest)

    async def put(self, kind: str, data: bytes, name: str) -> str:
        """Store a manifest or a list."""
        path = f"{self._target.path}/manifests/{name}"
        status, said, headers = await self._ask("PUT", path, data, **{"Content-Type": kind})
        if status not in (200, 201, 202):
            raise Internal(f"the registry did not take {self._target.familiar}: status {status}: {_words(said)}")
        return headers.get("Docker-Content-Digest", "")

    async def _mount(self, digest: str, source: str) -> None:
        path = f"{self._target.path}/blobs"
        if (await self._ask("HEAD", f"{path}/{digest}"))[0] == 200:
            return
        status, said, _ = await self._ask("POST", f"{path}/uploads/?mount={digest}&from={source}")
        if status != 201:  # 202 began an upload instead, which the registry lets go of by itself
            raise Internal(f"the registry did not mount {digest} from {source}: status {status}: {_words(said)}")

    async def _ask(
        self, method: str, path: str, data: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        for attempt in range(2):
            url = f"{self._base}/v2/{path}"
            async with self._session.request(method, url, data=data, headers=self._headers | headers) as answer:
                if answer.status != 401 or attempt or "Authorization" in self._headers:
                    self._refuse(answer.status)
                    return answer.status, await bounded(answer), dict(answer.headers)
                challenge = answer.headers.get("WWW-Authenticate", "")
            header, _ = await authorization(self._session, challenge, self._credentials, self._scope)
            self._headers["Authorization"] = header
        raise AssertionError("the second attempt answers")

    def _refuse(self, status: int) -> None:
        if status in (401, 403):
            raise PermissionDenied("denied: requested access to the resource is denied")


def _blobs(data: bytes) -> list[str]:
    """What an image's manifest refers to; a list has no place in a list."""
    try:
        found = jsontext.loads(data)
        if found.get("mediaType") in INDEX_TYPES or "manifests" in found:
            raise InvalidArgument("a manifest list cannot be a member of another")
        parts = [found["config"], *(found.get("layers") or ())]
        return list(dict.fromkeys(str(part["digest"]) for part in parts))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataLoss(f"the registry's manifest is none: {error}") from error


def _words(said: bytes) -> str:
    return said.decode(errors="replace").strip()[:500]
