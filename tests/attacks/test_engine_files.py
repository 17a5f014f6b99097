"""Attacks on what the engine does with a container's files: links that change while they are walked, names that lead
out, programs that wait to be run on the host.

CVE-2018-15664, CVE-2021-41089, CVE-2026-42306, CVE-2023-0778 (copies and exports), CVE-2022-1227 (`top`),
CVE-2019-14271 (libraries of the container), CVE-2026-55686 (WORKDIR), CVE-2024-9676 and others (files that the engine
writes).
"""

import hashlib
import io
import lzma
import os
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.engine_process import Engine
from tests.images import archive, busybox_layer

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

ROUNDS = 6
CANARY = b"of the host alone"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("files")) as made:
        yield made


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Path]:
    """A folder of the host with a secret in it, which stays as it is."""
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "secret").write_bytes(CANARY)
    os.chmod(folder, 0o755)
    before = state(folder)
    yield folder
    assert state(folder) == before


def state(folder: Path) -> list[tuple[str, int, int, str]]:
    """Every file, its owner, mode and content."""
    return [
        (
            str(path.relative_to(folder)),
            path.lstat().st_uid,
            path.lstat().st_mode,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted([folder, *folder.rglob("*")])
    ]


@pytest.fixture
def flipping(engine: Engine, host: Path) -> Iterator[str]:
    """A container that makes /w/x a folder, a link to the host's path, and a link to /, as fast as it can."""
    script = (
        f"mkdir -p /w/dir /w/x; echo mine > /w/dir/secret; ln -s {host} /w/out; ln -s / /w/top; ln -s dir /w/in; "
        "while true; do for n in in out top; do cp -P /w/$n /w/new; mv -T /w/new /w/x 2>/dev/null || "
        "{ rmdir /w/x 2>/dev/null; mv -T /w/new /w/x; }; done; done"
    )
    engine.docker("run", "-d", "--name", "flip", "--network", "none", "busybox", "sh", "-c", script)
    yield "flip"
    engine.docker("rm", "-f", "flip")


def entry(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    found = tarfile.TarInfo(name)
    found.size = len(content)
    for key, value in fields.items():
        setattr(found, key, value)
    return found, content


def tar(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for info, content in entries:
            made.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def copy_in(engine: Engine, target: str, content: bytes) -> None:
    """`docker cp - TARGET`, whatever comes of it."""
    words = [engine.client, "-H", engine.host, "cp", "-", target]
    subprocess.run(words, input=content, capture_output=True, check=False, timeout=60)


def test_copies_out_of_a_container_that_changes_its_links_hold_nothing_of_the_host(
    engine: Engine, flipping: str, host: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    for number in range(ROUNDS):
        for path in ("/w/x/secret", "/w/x", f"{host}/secret"):
            place = target / f"{number}{path.replace('/', '_')}"
            place.mkdir(parents=True)
            engine.docker("cp", "-L", f"{flipping}:{path}", str(place), check=False)
    found = [path for path in target.rglob("*") if path.is_file()]
    assert not [path for path in found if CANARY in path.read_bytes()]


def test_copies_into_such_a_container_land_in_it_or_nowhere(engine: Engine, flipping: str, host: Path) -> None:
    """The `host` fixture sees that its folder is as it was."""
    archives = (
        tar(entry("evil", b"evil")),
        tar(entry("x/evil", b"evil"), entry("x", type=tarfile.DIRTYPE, mode=0o777)),
        tar(entry("link", type=tarfile.SYMTYPE, linkname=str(host)), entry("link/evil", b"evil")),
        tar(entry("secret", type=tarfile.LNKTYPE, linkname=f"{host}/secret")),
        tar(entry(f"..{host}/evil", b"evil"), entry(f"{host}/evil", b"evil")),
    )
    for number in range(ROUNDS):
        for place in ("/w/x", "/w/x/", "/w"):
            copy_in(engine, f"{flipping}:{place}", archives[number % len(archives)])
    copy_in(engine, f"{flipping}:/tmp", tar(entry("fine", b"fine")))
    assert engine.out("exec", flipping, "cat", "/tmp/fine") == "fine"
    assert not list(host.rglob("evil*"))


def test_exports_differences_and_images_of_such_a_container_hold_nothing_of_the_host(
    engine: Engine, flipping: str, host: Path, tmp_path: Path
) -> None:
    for number in range(3):
        exported = tmp_path / f"{number}.tar"
        engine.docker("export", "-o", str(exported), flipping)
        assert CANARY not in exported.read_bytes()
        assert str(host) not in engine.out("diff", flipping)
    engine.docker("commit", "--pause=false", flipping, "flipped")
    saved = tmp_path / "saved.tar"
    engine.docker("save", "-o", str(saved), "flipped")
    engine.docker("rmi", "-f", "flipped")
    assert CANARY not in saved.read_bytes()


def test_a_copy_of_everything_is_without_what_the_kernel_fills(engine: Engine) -> None:
    """/proc and /sys of a running container are never the same twice, and some of their files never end."""
    engine.docker("run", "-d", "--name", "whole", "--network", "none", "--tmpfs", "/mine", "busybox", "sleep", "60")
    try:
        engine.docker("exec", "whole", "touch", "/mine/file")
        words = [engine.client, "-H", engine.host, "cp", "whole:/", "-"]
        content = subprocess.run(words, capture_output=True, check=True, timeout=120).stdout
    finally:
        engine.docker("rm", "-f", "whole")
    with tarfile.open(fileobj=io.BytesIO(content)) as archived:
        names = {name.strip("/") for name in archived.getnames()}
    assert {"proc", "sys", "dev", "etc/passwd", "mine/file"} <= names
    assert not [name for name in names if name.startswith(("proc/", "sys/", "dev/"))]


@pytest.fixture
def trojans(engine: Engine, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An image in which every program that a careless engine might run on the host, and every library it might load,
    leaves a mark.
    """
    mark = tmp_path / "mark"
    script = f"#!/bin/sh\necho $0 >> {mark}\n".encode()
    names = [
        f"usr/{part}bin/{name}" for part in ("", "s") for name in ("ps", "tar", "xz", "gzip", "unpigz", "zstd", "id")
    ]
    names += ["lib/x86_64-linux-gnu/libnss_files.so.2", "usr/lib/python3/sitecustomize.py", "sbin/docker-init"]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as layer:
        for name in names:
            info, content = entry(name, script, mode=0o755)
            layer.addfile(info, io.BytesIO(content))
    made = archive(tmp_path / "trojans.tar", "trojans:latest", [busybox_layer(), buffer.getvalue()])
    engine.docker("load", "-i", str(made))
    yield "trojans", mark
    engine.docker("rmi", "-f", "trojans")


def test_no_program_of_a_container_runs_on_the_host(engine: Engine, trojans: tuple[str, Path], tmp_path: Path) -> None:
    """Its processes are listed, its files copied, packed and compared, all by the engine itself."""
    image, mark = trojans
    packed = lzma.compress(tar(entry("packed", b"in")))
    engine.docker("run", "-d", "--name", "troy", "--network", "none", image, "sleep", "60")
    try:
        for words in (("top", "troy"), ("top", "troy", "-eo", "pid,args")):
            end = time.monotonic() + 30
            while "sleep 60" not in engine.out(*words):  # just after its start it may still be `[sleep]`
                assert time.monotonic() < end
        copy_in(engine, "troy:/tmp", packed)
        assert engine.out("exec", "troy", "cat", "/tmp/packed") == "in"
        engine.docker("cp", "troy:/etc", str(tmp_path / "etc"))
        engine.docker("export", "-o", str(tmp_path / "x.tar"), "troy")
        engine.docker("diff", "troy")
        engine.docker("commit", "troy", "troy:2")
        engine.docker("rmi", "troy:2")
    finally:
        engine.docker("rm", "-f", "troy")
    assert not mark.exists()


def test_a_working_folder_that_is_a_link_is_made_inside_or_not_at_all(
    engine: Engine, host: Path, tmp_path: Path
) -> None:
    layers = [busybox_layer(), tar(entry("wd", type=tarfile.SYMTYPE, linkname=str(host)))]
    made = archive(tmp_path / "wd.tar", "wd:latest", layers)
    engine.docker("load", "-i", str(made))
    for workdir in ("/wd/sub", "/wd", "/wd/../wd/a/b", "/proc/self/cwd/x", "/proc/1/root/x"):
        engine.docker("run", "--rm", "--network", "none", "-w", workdir, "wd", "touch", "here", check=False)
    engine.docker("rmi", "-f", "wd")
    assert [path.name for path in host.iterdir()] == ["secret"]


def test_files_that_the_engine_writes_follow_no_link_of_the_image(engine: Engine, host: Path, tmp_path: Path) -> None:
    """/etc/hosts, hostname and resolv.conf are bound over what is there, seen from inside."""
    links = [entry(f"etc/{name}", type=tarfile.SYMTYPE, linkname=f"{host}/secret") for name in ("hosts", "hostname")]
    links.append(entry("etc/resolv.conf", type=tarfile.SYMTYPE, linkname=f"../../../../../../../..{host}/new"))
    made = archive(tmp_path / "names.tar", "names:latest", [busybox_layer(), tar(*links)])
    engine.docker("load", "-i", str(made))
    engine.docker("run", "--rm", "--network", "none", "names", "sh", "-c", "echo evil > /etc/hosts", check=False)
    engine.docker("rmi", "-f", "names")
    assert not (host / "new").exists()


def test_volumes_of_an_image_are_filled_from_inside(engine: Engine, host: Path, tmp_path: Path) -> None:
    """CVE-2022-23648, CVE-2026-42306: a VOLUME whose place is a link to the host's."""
    layers = [busybox_layer(), tar(entry("data", type=tarfile.SYMTYPE, linkname=str(host)))]
    volumes = {"Volumes": {"/data": {}, f"/../../../../..{host}": {}}}
    made = archive(tmp_path / "vol.tar", "vol:latest", layers, config=volumes)
    engine.docker("load", "-i", str(made))
    done = engine.docker(
        "run", "--rm", "--network", "none", "vol", "sh", "-c", "cat /data/* ; touch /data/x", check=False
    )
    engine.docker("rmi", "-f", "vol")
    assert CANARY.decode() not in done.stdout
    for volume in (engine.folder / "data" / "volumes").glob("*/_data"):
        assert not list(volume.rglob("secret"))
