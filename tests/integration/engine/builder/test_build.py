"""What the corpus cannot show: mounts, secrets, cache, stages side by side, cancelling, dying, attacks, docker-py."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.content import Content
from tests import needs
from tests.engine_process import ROOT, Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

WHERRY = [sys.executable, "-c", "from engine.cli.main import main; main()"]
CANARY = "canary-71c0ffee"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all."""
    with Engine(tmp_path_factory.mktemp("build") / "e") as made:
        yield made


def _build(
    engine: Engine, folder: Path, dockerfile: str, *flags: str, check: bool = True, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """By our own command line, which can do more than the classic docker CLI."""
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile)
    done = subprocess.run(
        [*WHERRY, "-H", engine.host, "build", "--network", "none", *flags, str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )
    assert not check or done.returncode == 0, f"{done.stdout}{done.stderr}\n{engine.tail()}"
    return done


def _run(engine: Engine, image: str, script: str) -> str:
    return engine.out("run", "--rm", "--network", "none", image, "sh", "-c", script)


def _leftovers(engine: Engine) -> list[str]:
    """What a build must not leave."""
    builder, tmp = engine.folder / "exec/builder", engine.folder / "data/builder/tmp"
    names = [*(os.listdir(builder) if builder.exists() else []), *os.listdir(tmp), *engine.out("ps", "-aq").split()]
    return names + [point for point in engine.mounts() if "/builder/" in point]


def test_mounts_show_what_they_should_and_leave_nothing_in_the_layer(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c/file").write_text("context\n")
    _build(
        engine,
        tmp_path / "c",
        "FROM busybox AS other\nRUN mkdir /o && echo stage > /o/f\nFROM busybox\n"
        "RUN --mount=target=/ctx --mount=type=bind,from=other,source=/o/f,target=/one/f "
        "--mount=type=tmpfs,target=/t,size=1m --mount=type=cache,target=/c,id=shared "
        "cat /ctx/file /one/f > /seen && touch /t/x && echo 1 >> /c/n && ! touch /ctx/new\n"
        "RUN --mount=type=cache,target=/other,id=shared wc -l < /other/n > /count\n",
        "-t",
        "mounts",
    )
    script = "cat /seen /count; ls -d /ctx /one /t /c /other 2>/dev/null; true"
    assert _run(engine, "mounts", script).split() == ["context", "stage", "1"]
    assert _leftovers(engine) == []


def test_a_secret_is_in_no_layer_history_key_log_or_state(engine: Engine, tmp_path: Path) -> None:
    said = _build(
        engine,
        tmp_path / "c",
        "FROM busybox\nRUN --mount=type=secret,id=token,required,mode=0440,uid=7 "
        "wc -c < /run/secrets/token > /size; stat -c '%a %u' /run/secrets/token > /mode\nRUN ls /run 2>&1; true\n",
        *("-t", "secret", "--secret", "id=token,env=THE_TOKEN"),
        env={"THE_TOKEN": CANARY},
    )
    assert _run(engine, "secret", "cat /size /mode").split() == [str(len(CANARY)), "440", "7"]
    found = subprocess.run(["grep", "-rlF", CANARY, str(engine.folder)], capture_output=True, text=True, check=False)
    assert found.stdout == ""
    assert CANARY not in said.stdout + said.stderr + engine.out("history", "--no-trunc", "secret")


def test_a_secret_that_is_required_and_not_given_is_told_of(engine: Engine, tmp_path: Path) -> None:
    done = _build(engine, tmp_path / "c", "FROM busybox\nRUN --mount=type=secret,id=gone,required true\n", check=False)
    assert (done.returncode, done.stderr.strip()) == (1, "secret gone: not found")


def test_steps_are_found_again_by_content_not_by_time(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "f").write_text("1")
    text = "FROM busybox\nENV A=1\nCOPY f /f\nRUN date +%N > /when\nWORKDIR /w\n"
    first = _build(engine, folder, text, "-q").stdout
    os.utime(folder / "f", (5, 5))
    again = _build(engine, folder, text)
    assert again.stdout.count(" ---> Using cache") == 4
    assert _build(engine, folder, text, "-q").stdout == first
    (folder / "f").write_text("2")
    changed = _build(engine, folder, text)
    assert changed.stdout.count(" ---> Using cache") == 1
    assert _build(engine, folder, text, "-q", "--no-cache").stdout != first


def test_a_cached_layer_that_somebody_has_removed_is_made_anew(engine: Engine, tmp_path: Path) -> None:
    text = "FROM busybox\nRUN echo lost-and-found > /lost\nRUN echo after > /after\nENV A=b\n"
    _build(engine, tmp_path / "c", text, "-t", "lost")
    assert _build(engine, tmp_path / "c", text).stdout.count(" ---> Using cache") == 3
    layer = _blobs(engine, "lost", tmp_path)[-2]

    async def remove() -> None:
        channel = Channel(str(engine.folder / "exec/supervisor/supervisor.sock"))
        try:
            await Content(channel).delete(layer)
        finally:
            await channel.close()

    asyncio.run(remove())
    again = _build(engine, tmp_path / "c", text, "-t", "found")
    assert "Running in" in again.stdout
    assert _run(engine, "found", "cat /lost /after") == "lost-and-found\nafter"
    assert len(_blobs(engine, "found", tmp_path)) == 3


def _blobs(engine: Engine, image: str, folder: Path) -> list[str]:
    """Digests of an image's blobs, all of them there."""
    engine.docker("save", "-o", str(folder / "saved.tar"), image)
    with tarfile.open(folder / "saved.tar") as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        return ["sha256:" + path.rpartition("/")[2] for path in json.load(file)[0]["Layers"]]


def test_the_same_inputs_give_the_same_digests_with_an_epoch(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    (folder / "d").mkdir(parents=True)
    text = (
        "FROM busybox\nARG SOURCE_DATE_EPOCH\nENV A=1\nCOPY d /deep/d\nRUN mkdir -p /x/y && echo z > /x/z\nWORKDIR /w\n"
    )
    flags = ("--build-arg", "SOURCE_DATE_EPOCH=1000000000", "--no-cache", "-q")
    os.utime(folder / "d", (1, 1))
    ids = {_build(engine, folder, text, *flags).stdout for _ in range(2)}
    time.sleep(1.1)
    with Engine(tmp_path / "other") as other:  # another data root, another supervisor
        ids.add(_build(other, folder, text, *flags).stdout)
        digests = {_layers(other, ids), _layers(engine, ids)}
    assert len(ids) == len(digests) == 1


def _layers(engine: Engine, ids: set[str]) -> str:
    return engine.out("inspect", "-f", "{{.RootFS.Layers}}", next(iter(ids)).strip())


def test_newer_instructions_of_buildkit(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    (folder / "d").mkdir(parents=True)
    for name in ("keep", "skip.log"):
        (folder / "d" / name).write_text(name)
    _build(
        engine,
        folder,
        "# syntax=docker/dockerfile:1\nFROM busybox\nARG WHO=you\n"
        "COPY --chmod=0711 --exclude=*.log d /d\nCOPY --link --chown=3:4 d/keep /linked/\n"
        "COPY <<one <<'two' /h/\nhello ${WHO}\none\nplain ${WHO}\ntwo\n"
        'RUN <<EOF\nset -e\necho "from $WHO" > /r\nEOF\n'
        "RUN <<PROGRAM\n#!/bin/busybox sh\necho $0 > /p\nPROGRAM\n"
        "RUN cat <<A - <<B > /two; true\nfirst\nA\nsecond\nB\n",
        *("-t", "newer"),
    )
    script = (
        "ls /d; stat -c %a /d/keep; stat -c %u:%g /linked/keep; cat /h/one /h/two /r /p; ls /dev/pipes 2>&1 | wc -l"
    )
    assert _run(engine, "newer", script).splitlines() == [
        *("keep", "711", "3:4", "hello you", "plain ${WHO}", "from you", "/dev/pipes/PROGRAM", "1")
    ]


def test_stages_that_do_not_need_each_other_run_side_by_side(engine: Engine, tmp_path: Path) -> None:
    """Each waits in a shared folder for the others: one after the other, none would end."""
    wait = "until [ -e /m/0 -a -e /m/1 -a -e /m/2 ]; do sleep 0.1; done"
    stages = "".join(
        f"FROM busybox AS s{n}\nRUN --mount=type=cache,target=/m,id=meet touch /m/{n}; {wait}; echo {n} > /f\n"
        for n in range(3)
    )
    copies = "".join(f"COPY --from=s{n} /f /f{n}\n" for n in range(3))
    done = _build(engine, tmp_path / "c", f"{stages}FROM busybox AS unused\nRUN false\nFROM busybox\n{copies}")
    steps = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Step ")]
    assert steps == [f"{number}/10" for number in range(1, 11)]


def test_the_failure_of_one_stage_ends_the_others(engine: Engine, tmp_path: Path) -> None:
    done = _build(
        engine,
        tmp_path / "c",
        "FROM busybox AS slow\nRUN sleep 30\nFROM busybox AS bad\nRUN exit 9\n"
        "FROM busybox\nCOPY --from=slow / /a\nCOPY --from=bad / /b\n",
        check=False,
    )
    assert done.stderr.strip() == "The command '/bin/sh -c exit 9' returned a non-zero code: 9"
    assert _leftovers(engine) == []


@pytest.mark.parametrize(
    ("line", "flags", "stays"),
    [
        ("false", (), True),
        ("false", ("--force-rm",), False),
        ("true", (), False),
        ("true", ("--rm=false",), True),
        ("true", ("--rm=false", "--force-rm"), False),
    ],
)
def test_the_containers_that_stay_are_those_that_stay_with_dockerd(
    engine: Engine, tmp_path: Path, line: str, flags: tuple[str, ...], stays: bool
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM busybox\nRUN {line}\n")
    words = ["docker", "-H", engine.host, "build", "--network", "none", "--no-cache", *flags, str(tmp_path)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "DOCKER_BUILDKIT": "0"}
    )
    assert done.returncode == (line == "false"), done.stdout + done.stderr
    found = engine.out("ps", "-a", "--format", "{{.ID}} {{.Status}} {{.Labels}}").splitlines()
    assert len(found) == stays
    if stays:
        assert "Exited" in found[0]
        assert "io.wherry" not in found[0]
        engine.kill()
        engine.start()  # what clears up after builds leaves it alone
        assert engine.out("ps", "-aq").split() == [found[0].split()[0]]
        engine.docker("rm", found[0].split()[0])


def _background(engine: Engine, folder: Path) -> "subprocess.Popen[bytes]":
    """A build that takes its time, in its second step."""
    folder.mkdir()
    (folder / "Dockerfile").write_text(
        "FROM busybox\nRUN --mount=type=bind,target=/ctx --mount=type=secret,id=s sleep 100\n"
    )
    started = subprocess.Popen(
        ["docker", "-H", engine.host, "build", "--network", "none", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
    )
    end = time.monotonic() + 60
    while "Up" not in engine.out("ps", "--format", "{{.Status}}"):
        assert time.monotonic() < end
        time.sleep(0.05)
    return started


def _until_clean(engine: Engine) -> None:
    end = time.monotonic() + 60
    while (left := _leftovers(engine)) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == []


def test_a_cancelled_build_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    started = _background(engine, tmp_path / "c")
    started.send_signal(signal.SIGINT)
    started.communicate(timeout=60)
    _until_clean(engine)


def test_a_build_whose_engine_is_killed_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    started = _background(engine, tmp_path / "c")
    engine.kill()
    started.communicate(timeout=60)
    engine.start()
    _until_clean(engine)
    _build(engine, tmp_path / "again", "FROM busybox\nRUN true\n")


def test_a_build_whose_supervisor_is_killed_fails_and_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    started = _background(engine, tmp_path / "c")
    before = engine.supervisor_pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    end = time.monotonic() + 60
    while engine.supervisor_pid in (before, None):
        assert time.monotonic() < end, engine.tail()
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)  # whether the step went on or not, its client leaves now
    started.communicate(timeout=60)
    _until_clean(engine)
    _build(engine, tmp_path / "again", "FROM busybox\nRUN true\nCOPY Dockerfile /\n", "--no-cache")
    assert _leftovers(engine) == []


@pytest.mark.parametrize(
    ("dockerfile", "words"),
    [
        ("FROM busybox\nCOPY leak /x\n", "COPY failed"),
        ("FROM busybox\nCOPY dir/up /x\n", "COPY failed"),
        ("FROM busybox\nRUN --mount=type=bind,source=leak,target=/x cat /x\n", "leak"),
        ("FROM busybox\nRUN --mount=type=bind,source=../../../etc,target=/x ls /x\n", "stat etc"),
        ("FROM busybox AS a\nRUN ln -s / /esc\nFROM busybox\nCOPY --from=a /esc/etc/shadow /x\n", "COPY failed"),
        ("FROM busybox\nADD git@github.com:x/y.git /x\n", "the engine speaks http, https, git"),
    ],
)
def test_nothing_of_the_host_comes_in(engine: Engine, tmp_path: Path, dockerfile: str, words: str) -> None:
    """Links and dots end inside of the context, the stage or the image."""
    folder = tmp_path / "c"
    (folder / "dir").mkdir(parents=True)
    (folder / "leak").symlink_to(tmp_path / "secret")
    (folder / "dir/up").symlink_to("../../secret")
    (tmp_path / "secret").write_text(CANARY)
    done = _build(engine, folder, dockerfile, check=False)
    assert done.returncode != 0
    assert words in done.stderr
    assert CANARY not in done.stdout


def test_nothing_goes_out_to_the_host(engine: Engine, tmp_path: Path) -> None:
    """Targets that are links, WORKDIR over a link, an archive with links and dots: all end inside of the image."""
    host, folder = tmp_path / "host", tmp_path / "c"
    host.mkdir()
    folder.mkdir()
    (folder / "f").write_text("x")
    with tarfile.open(folder / "evil.tar", "w") as tar:
        link = tarfile.TarInfo("ln")
        link.type, link.linkname = tarfile.SYMTYPE, str(host)
        tar.addfile(link)
        for name in ("ln/inside", f"../../../../{host}/dots", f"{host}/absolute"):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            tar.addfile(entry, io.BytesIO(b"x"))
    _build(
        engine,
        folder,
        f"FROM busybox\nRUN ln -s {host} /out && ln -s ../../../../..{host} /up\n"
        "COPY f /out/copied\nCOPY f /up/\nWORKDIR /out/made\nADD evil.tar /e/\n"
        "RUN --mount=type=cache,target=/out/cache --mount=type=tmpfs,target=/up/t true\n",
    )
    assert list(host.iterdir()) == []


def test_docker_py_builds(engine: Engine) -> None:
    docker = pytest.importorskip("docker")
    client = docker.DockerClient(base_url=engine.host)
    try:
        image, lines = client.images.build(
            fileobj=io.BytesIO(b"FROM busybox\nARG A\nLABEL a=$A\nCMD echo hi\n"),
            tag="py:1",
            buildargs={"A": "b"},
            network_mode="none",
            rm=True,
            labels={"c": "d"},
        )
        assert image.labels == {"a": "b", "c": "d"}
        assert any("Successfully tagged py:1" in line.get("stream", "") for line in lines)
        with pytest.raises(docker.errors.BuildError, match="returned a non-zero code: 3"):
            client.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN exit 3\n"), network_mode="none", forcerm=True)
        same, _ = client.images.build(fileobj=io.BytesIO(b"FROM busybox\n"), tag="same:1", network_mode="none")
        assert same.id == client.images.get("busybox").id
        client.images.remove("same:1")
        labelled = b"FROM busybox\nLABEL of=a-failed-step\nRUN exit 4\n"
        with pytest.raises(docker.errors.BuildError, match="returned a non-zero code: 4"):
            client.images.build(fileobj=io.BytesIO(labelled), network_mode="none")
        (kept,) = client.containers.list(all=True, filters={"label": "of=a-failed-step"})
        kept.remove()
        again, lines = client.images.build(
            fileobj=io.BytesIO(b"FROM busybox\nARG A\nLABEL a=$A\nCMD echo hi\n"),
            buildargs={"A": "b"},
            labels={"c": "d"},
            cache_from=["py:1"],
            network_mode="none",
            extra_hosts={"hello.local": "192.168.1.1"},
            container_limits={"memory": 64 << 20, "memswap": -1, "cpushares": 512},
            shmsize=1 << 24,
            target=None,
        )
        assert sum("Using cache" in line.get("stream", "") for line in lines) == 4
        assert again.id == image.id
        assert client.api.prune_builds()["SpaceReclaimed"] >= 0
        with pytest.raises(docker.errors.APIError, match="squash"):
            client.images.build(fileobj=io.BytesIO(b"FROM busybox\n"), squash=True)
    finally:
        client.close()


def test_the_stream_is_the_classic_one(engine: Engine, tmp_path: Path) -> None:
    done = _build(
        engine, tmp_path / "c", "FROM busybox\nRUN echo o; echo e >&2\n", "--progress", "json", "--no-cache", "-t", "s"
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    text = "".join(line.get("stream", "") for line in lines)
    assert text.startswith("Step 1/2 : FROM busybox\n ---> ")
    assert "\n ---> Running in " in text
    assert "\x1b[91me\n\x1b[0m" in text
    assert "Removing intermediate container " in text
    (image_id,) = [line["aux"]["ID"] for line in lines if "aux" in line][-1:]
    assert text.endswith(f"Successfully built {image_id[7:19]}\nSuccessfully tagged s:latest\n")


def test_pruning_forgets_steps_and_cache_mounts(engine: Engine, tmp_path: Path) -> None:
    text = "FROM busybox\nRUN --mount=type=cache,target=/c echo x > /c/x; echo y > /y\n"
    _build(engine, tmp_path / "c", text)
    engine.docker("builder", "prune", "-af", check=False)
    subprocess.run(
        ["curl", "-sf", "--unix-socket", str(engine.socket), "-XPOST", "http://d/build/prune?all=1"], check=True
    )
    assert " ---> Using cache" not in _build(engine, tmp_path / "c", text).stdout


def test_a_trigger_is_every_stages_that_begins_with_it(engine: Engine, tmp_path: Path) -> None:
    _build(
        engine,
        tmp_path / "c",
        "FROM busybox AS base\nONBUILD RUN echo ran > /ran\nFROM base AS one\nFROM base AS two\n"
        "FROM busybox\nCOPY --from=one /ran /1\nCOPY --from=two /ran /2\n",
        *("-t", "twice"),
    )
    assert _run(engine, "twice", "cat /1 /2").split() == ["ran", "ran"]


def test_containers_of_steps_stay_where_they_are_wanted(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")  # which has no such containers
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo kept > /k\n")
    engine.docker("build", "--rm=false", "--no-cache", "--network", "none", str(tmp_path))
    (container,) = engine.out("ps", "-aq").split()
    assert "A /k" in engine.out("diff", container).splitlines()
    engine.docker("rm", container)


def test_a_context_by_standard_input(engine: Engine, tmp_path: Path) -> None:
    words = [*WHERRY, "-H", engine.host, "build", "--network", "none", "-q"]
    (tmp_path / "f").write_text("f")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as tar:
        for name, text in (("Other", b"FROM busybox\nCOPY f /f\n"), ("f", b"f")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    for more, data in (
        (["-"], b"FROM busybox\nRUN true\n"),
        (["-f", "Other", "-"], buffer.getvalue()),
        (["-f", "-", str(tmp_path)], b"FROM busybox\nCOPY f /f\n"),
    ):
        done = subprocess.run([*words, *more], input=data, capture_output=True, check=False, cwd=ROOT, timeout=30)
        assert done.stdout.startswith(b"sha256:"), done.stderr
