"""Containers with user namespaces, by a stock client: whose files are whose, inside and outside; what stays out."""

import contextlib
import http.client
import io
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.overlay, needs.binary("busybox"), needs.binary("docker"), needs.binary("unshare")]

BASE, SIZE = 1_000_000, 65_536  # of all containers' ids
AUTO = 2_000_000  # the first of those that `auto` hands out
MAP = ["0", str(BASE), str(SIZE)]


class Remapping(Engine):
    """An engine that finds subordinate ids in files of the test's own."""

    @property
    def pid(self) -> str:
        return (self.folder / "pid").read_text().strip()

    def _entering(self) -> list[str]:
        if (pid := self.supervisor_pid) is not None and Path(f"/proc/{pid}").exists():
            return [*super()._entering(), "nsenter", "-t", str(pid), "-m"]  # what it mounts, those below are to see
        places = " && ".join(f"mount --bind {self.folder}/{name} /etc/{name}" for name in ("subuid", "subgid"))
        return [*super()._entering(), "unshare", "-m", "sh", "-c", f'{places} && exec "$@"', "sh"]


@pytest.fixture(scope="module")
def engine() -> Iterator[Remapping]:
    if not (Path("/etc/subuid").exists() and Path("/etc/subgid").exists()):
        pytest.skip("needs /etc/subuid and /etc/subgid")
    if tuple(map(int, os.uname().release.split(".")[:2])) < (5, 19):
        pytest.skip("needs overlayfs on mapped layers: Linux 5.19")
    folder = Path(tempfile.mkdtemp(prefix="wherry-userns-"))  # pytest's own is closed to other users
    folder.chmod(0o711)
    for name in ("subuid", "subgid"):
        (folder / name).write_text(f"nobody:{BASE}:{SIZE}\ncontainers:{AUTO}:{3 * SIZE}\n")
    group = pwd.getpwnam("nobody").pw_gid
    try:
        netns = f"wherry-un-{os.getpid()}"
        made = Remapping(folder, "--userns-remap", f"nobody:{group}", bridge="wherryun0", netns=netns)
        with made:
            yield made
    finally:
        shutil.rmtree(folder)


def run(engine: Engine, script: str, *options: str, image: str = "busybox") -> str:
    return engine.out("run", "--rm", "--network", "none", *options, image, "sh", "-c", script)


def api(engine: Engine, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(60)
    connection.sock.connect(str(engine.socket))
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def create(engine: Engine, name: str, script: str, **host_config: Any) -> None:
    body = {"Image": "busybox", "Cmd": ["sh", "-c", script], "HostConfig": {"NetworkMode": "none", **host_config}}
    status, answer = api(engine, "POST", f"/v1.56/containers/create?name={name}", body)
    assert status == 201, answer


def owners(data: bytes) -> dict[str, tuple[int, int]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {entry.name.rstrip("/"): (entry.uid, entry.gid) for entry in tar}


@pytest.mark.parametrize("runtime", ["wherry", "runc", "crun"])
def test_root_is_nobody_outside(engine: Engine, runtime: str) -> None:
    if runtime != "wherry" and shutil.which(runtime) is None:
        pytest.skip(f"needs {runtime} in PATH")
    engine.docker("run", "-d", "--name", runtime, "--network", "none", "--runtime", runtime, "busybox", "sleep", "1000")
    pid = engine.out("inspect", "-f", "{{.State.Pid}}", runtime)
    assert Path(f"/proc/{pid}").stat().st_uid == BASE
    script = "id -u; cat /proc/self/uid_map; touch /made /etc/hosts && stat -c '%u %n' /made /etc/hosts /bin /dev/shm"
    found = engine.out("exec", runtime, "sh", "-c", script).splitlines()
    assert found[0] == "0"
    assert found[1].split() == MAP
    assert found[2:] == ["0 /made", "0 /etc/hosts", "0 /bin", "0 /dev/shm"]
    engine.docker("rm", "-f", runtime)


def test_the_hosts_files_are_out_of_reach(engine: Engine, tmp_path: Path) -> None:
    """Through a bind, root of the container is a stranger; what strangers may write is theirs, without privilege."""
    tmp_path.chmod(0o711)
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    script = (
        "cat /m/secret; echo x > /m/secret; touch /m/new; chown 0 /m/secret; mknod /m/open/sda b 8 0; "
        "cp /bin/busybox /m/open/shell && chmod 4755 /m/open/shell; ln -s / /m/open/root; touch /m/open/root/out; true"
    )
    done = engine.docker("run", "--rm", "--network", "none", "-v", f"{tmp_path}:/m", "busybox", "sh", "-c", script)
    assert done.stderr.count("ermission denied") == 3, done.stderr
    assert done.stderr.count("not permitted") == 2, done.stderr
    assert (tmp_path / "secret").read_text() == "x"
    assert sorted(path.name for path in (tmp_path / "open").iterdir()) == ["root", "shell"]
    shell = (tmp_path / "open" / "shell").stat()
    assert (shell.st_uid, shell.st_gid) == (BASE, BASE)  # setuid of an id that owns nothing here
    assert shell.st_mode & stat.S_ISUID


def test_limits_hold_for_root_of_the_container(engine: Engine) -> None:
    """CVE-2025-47291, CVE-2023-25809: it is in its cgroup, and can neither leave it nor change it."""
    engine.docker("run", "-d", "--name", "bound", "--network", "none", "--memory", "32m", "busybox", "sleep", "1000")
    pid = engine.out("inspect", "-f", "{{.State.Pid}}", "bound")
    lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    own = engine.out("inspect", "-f", "{{.Id}}", "bound")
    for _, controllers, path in lines:
        if "memory" in controllers.split(",") or (controllers == "" and len(lines) == 1):
            name, limit = ("memory", "memory.limit_in_bytes") if controllers else ("", "memory.max")
            assert path.endswith(own)
            assert Path("/sys/fs/cgroup", name, path.lstrip("/"), limit).read_text().strip() == str(32 << 20)
    script = (
        "for f in $(find /sys/fs/cgroup -name cgroup.procs); do echo 1 > $f && echo left $f; done 2>/dev/null; true"
    )
    assert engine.out("exec", "bound", "sh", "-c", script) == ""
    engine.docker("rm", "-f", "bound")


def test_the_engines_folders_are_nothing_to_a_containers_root(engine: Engine) -> None:
    """CVE-2021-21284: whoever gets out with its id can write to three files of its own, and to nothing else."""
    engine.docker("run", "-d", "--name", "owner", "--network", "none", "-v", "owned:/v", "busybox", "sleep", "1000")
    engine.docker("exec", "owner", "sh", "-c", "touch /made /v/made; chmod 777 /made /v/made /v")
    theirs = set()
    for root, folders, files in os.walk(engine.folder):
        folders[:] = [name for name in folders if name not in ("rootfs", "subpaths")]  # what is mounted for it
        for name in (*folders, *files):
            found = os.lstat(f"{root}/{name}")
            if found.st_uid >= BASE:
                theirs.add(name)
    assert theirs == {"hosts", "hostname", "resolv.conf"}
    for folder in ("data", "exec/supervisor/io.containerd.runtime.v2.task/moby"):
        assert not (engine.folder / folder).stat().st_mode & (stat.S_IWOTH | stat.S_IROTH)
    engine.docker("rm", "-f", "owner")


def test_what_the_host_alone_has_cannot_be_shared(engine: Engine) -> None:
    for options in (("--privileged",), ("--network=host",), ("--pid=host",)):
        done = engine.docker("run", "--rm", *options, "busybox", "true", check=False)
        assert done.returncode == 125
        assert "user namespaces" in done.stderr
    assert run(engine, "cat /proc/self/uid_map", "--privileged", "--userns=host").split()[:2] == ["0", "0"]
    assert "name=userns" in engine.out("info", "-f", "{{.SecurityOptions}}")


def test_images_and_volumes_have_the_ids_of_containers(engine: Engine) -> None:
    """A setuid file is whose it is for every container; the layers of an image are one for all mappings."""
    make = "echo a > /made; chown 1000:1001 /made; chmod 4755 /made; echo b > /data/kept; chown 7:8 /data/kept"
    engine.docker("run", "--name", "maker", "--network", "none", "-v", "shared:/data", "busybox", "sh", "-c", make)
    engine.docker("commit", "maker", "made")
    engine.docker("cp", __file__, "maker:/copied")  # a stopped container's file system is mounted for it
    look = "stat -c '%u:%g %a' /made /data/kept"
    for userns in ("", "host"):
        options = ["-v", "shared:/data", *(["--userns", userns] if userns else [])]
        assert run(engine, look, *options, image="made").splitlines() == ["1000:1001 4755", "7:8 644"]
    found = owners(api(engine, "GET", "/containers/maker/export")[1])
    assert (found["made"], found["etc/hosts"], found["copied"]) == ((1000, 1001), (0, 0), (0, 0))
    assert "A /made" in engine.out("diff", "maker").splitlines()
    volume = Path(engine.out("volume", "inspect", "-f", "{{.Mountpoint}}", "shared"))
    assert ((volume / "kept").stat().st_uid, (volume / "kept").stat().st_gid) == (7, 8)
    engine.docker("rm", "maker")


def test_archives_keep_to_the_containers_ids(engine: Engine, tmp_path: Path) -> None:
    """Running or not, into layers, volumes and folders of the host; an id that the container has not is refused."""
    tmp_path.chmod(0o777)
    binds = [f"{tmp_path}:/m", "copied:/data"]
    create(engine, "target", "ln -s /m /link; sleep 1000", Binds=binds)
    for state in ("created", "running"):
        if state == "running":
            engine.docker("start", "target")
        for folder in ("/", "/data", "/m"):
            data = io.BytesIO()
            with tarfile.open(fileobj=data, mode="w") as tar:
                entry = tarfile.TarInfo(state)
                entry.uid, entry.gid, entry.mode = 33, 34, 0o4755
                tar.addfile(entry)
            assert put(engine, folder, data.getvalue()) == (200, b"")
            answer = api(engine, "GET", f"/containers/target/archive?path={folder}/{state}")[1]
            assert owners(answer) == {state: (33, 34)}
        made = (tmp_path / state).stat()
        assert (made.st_uid, made.st_gid) == (BASE + 33, BASE + 34)
    assert (
        engine.out("exec", "target", "stat", "-c", "%u:%g", "/running", "/data/created", "/m/created").split()
        == ["33:34"] * 3
    )
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        entry = tarfile.TarInfo("stranger")
        entry.uid = SIZE
        tar.addfile(entry)
    status, answer = put(engine, "/", data.getvalue())
    assert status == 400
    assert b"Container ID 65536 cannot be mapped to a host ID" in answer
    engine.docker("rm", "-f", "target")


def put(engine: Engine, path: str, data: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(60)
    connection.sock.connect(str(engine.socket))
    try:
        connection.request("PUT", f"/v1.51/containers/target/archive?path={path}", data)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_network_is_the_containers_own(engine: Engine) -> None:
    """Root inside rules over its interfaces, finds others by name, and may bind any port."""
    engine.docker("network", "create", "mapped")
    serve = "while true; do echo hello | nc -l -p 80; done"
    engine.docker("run", "-d", "--name", "server", "--network", "mapped", "busybox", "sh", "-c", serve)
    ask = "for i in $(seq 100); do nc server 80 </dev/null && exit; sleep 0.1; done; exit 1"
    assert engine.out("run", "--rm", "--network", "mapped", "busybox", "sh", "-c", ask) == "hello"
    rule = "ip link set eth0 down && echo ruled"
    options = ("--network", "mapped", "--cap-add", "NET_ADMIN")
    assert engine.out("run", "--rm", *options, "busybox", "sh", "-c", rule) == "ruled"
    shared = "readlink /proc/self/ns/net"
    joined = engine.out("run", "--rm", "--network", "container:server", "busybox", "sh", "-c", shared)
    assert joined == engine.out("exec", "server", "sh", "-c", shared)
    engine.docker("rm", "-f", "server")
    engine.docker("network", "rm", "mapped")


def test_a_range_for_each(engine: Engine) -> None:
    """`auto`: two containers have no id in common, and what they share is the volume's."""
    for number, name in enumerate(("one", "two")):
        create(engine, name, "touch /v/$HOSTNAME; sleep 1000", UsernsMode="auto", Binds=["both:/v"])
        engine.docker("start", name)
        found = engine.out("exec", name, "cat", "/proc/self/uid_map").split()
        assert found == ["0", str(AUTO + number * SIZE), str(SIZE)]
    assert set(engine.out("exec", "two", "sh", "-c", "stat -c %u /v/*").split()) == {"0"}
    create(engine, "third", "cat /proc/self/uid_map", UsernsMode="auto", PidMode="container:one", IpcMode="private")
    assert engine.out("start", "-a", "third").split() == ["0", str(AUTO), str(SIZE)]
    engine.docker("rm", "-f", "one", "two", "third")


def test_a_bind_follows_what_was_meant(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    tmp_path.chmod(0o711)
    for path in (tmp_path, tmp_path / "f"):
        os.chown(path, 4242, 4243)
    for name, mapping, user in (("match", {"Source": "match-user", "User": "33:34"}, (33, 34)), ("own", None, None)):
        options = {"IDMapping": mapping} if mapping else {}
        mounts = [{"Type": "bind", "Source": str(tmp_path), "Target": "/m", "BindOptions": options}]
        create(engine, name, "stat -c '%u %g' /m/f; chown 1 /m/f", Mounts=mounts)
        done = engine.docker("start", "-a", name, check=False)
        assert done.returncode == 1
        assert tuple(map(int, done.stdout.split())) == (user or (65534, 65534))
        engine.docker("rm", name)
    assert (tmp_path / "f").stat().st_uid == 4242


def test_a_build_is_as_confined_and_its_layers_are_everybodys(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "Dockerfile").write_text(
        "FROM busybox\nCOPY file /copied\nRUN cat /proc/self/uid_map > /map; chown 5:6 /copied; touch /made\n"
    )
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name in ("file", "Dockerfile"):
            tar.add(tmp_path / name, name)
    (tmp_path / "context.tar").write_bytes(data.getvalue())
    body = (tmp_path / "context.tar").read_bytes()
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(60)
    connection.sock.connect(str(engine.socket))
    connection.request("POST", "/build?t=built&networkmode=none", body, {"Content-Type": "application/x-tar"})
    said = connection.getresponse().read()
    connection.close()
    assert b"Successfully tagged built" in said, said
    found = run(engine, "cat /map; stat -c '%u:%g' /copied /made", "--userns=host", image="built").split()
    assert found == [*MAP, "5:6", "0:0"]


def test_whoever_makes_namespaces_may_be_killed(engine: Remapping) -> None:
    assert run(engine, "cat /proc/self/uid_map").split() == MAP
    killed = 0
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            if parent == engine.pid and b"users/holder.py" in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
    assert killed == 1
    assert run(engine, "cat /proc/self/uid_map").split() == MAP


def test_a_container_goes_on_when_the_engine_comes_back(engine: Engine) -> None:
    engine.docker("run", "-d", "--name", "lasting", "--network", "none", "-v", "last:/v", "busybox", "sleep", "1000")
    engine.kill()
    engine.start()
    assert engine.out("exec", "lasting", "sh", "-c", "touch /v/x /x && stat -c %u /v/x /x").split() == ["0", "0"]
    engine.docker("restart", "-t", "0", "lasting")
    assert engine.out("exec", "lasting", "cat", "/proc/self/uid_map").split() == MAP
    engine.docker("rm", "-f", "lasting")
    assert not list((engine.folder / "exec" / "subpaths").glob("*"))
    assert not list((engine.folder / "data" / "tmp").iterdir())
