"""A long walk with `ctr`, on our supervisor and on the containerd of its own generation: codes and words must agree.

A difference is a bug, or stands in DIFFERENT with its reason.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import needs
from tests.fakes.supervisor_servers import real_containerd
from tests.images import busybox_archive
from tests.registry_process import DockerRegistry
from tests.supervisor_process import Supervisor

pytestmark = [needs.root, needs.overlay]

PEERS = Path(os.environ.get("PEERS_ROOT", "/var/cache/wherry-peers")) / "native" / "bin"
BUSYBOX = "docker.io/library/busybox:latest"
NOWHERE = "sha256:" + "a" * 64

# {tmp}: a folder of the walk's; {local}: --local, where ctr would use the transfer service; {layer}, {config}: digests.
RECORDS = """
namespaces create foo a=b
namespaces create foo
namespaces create no/good
namespaces label foo a= c=d
namespaces rm foo
namespaces rm foo
leases create --id l1 a=b
leases create --id l1
leases ls -q
leases rm l1
leases rm l1
images import {local} {tmp}/busybox.tar
images ls
images ls -q
images ls name==zz
images check
images check -q
images label {image} x=y
images ls labels.x==y
images label {image} x=
images label nope x=y
images tag {local} {image} foo:1
images tag {local} {image} foo:1
images tag {local} nope foo:2
images rm foo:1
images rm foo:1
images export {local} {tmp}/out.tar {image}
images export {local} {tmp}/out2.tar nope
images mount {image} {tmp}/mnt
images unmount --rm {tmp}/mnt
images tag {local} {image} foo:1
images rm --sync foo:1
content ls -q
content get {config}
content get sha256:aaaa
content get {nowhere}
content label {config} q=r
content label {config} q=
content rm {nowhere}
content active
snapshots ls
snapshots tree
snapshots usage
snapshots prepare k1
snapshots prepare k1
snapshots prepare k2 nope
snapshots prepare k2 {layer}
snapshots prepare k3 k2
snapshots view v1 {nowhere}
snapshots ls
snapshots tree
snapshots mounts {tmp}/m k1
snapshots mounts {tmp}/m nope
snapshots commit c1 k1
snapshots commit c1 k2
snapshots commit c2 nope
snapshots info k2
snapshots info nope
snapshots label k2 a=b
snapshots rm c1
snapshots rm {layer}
snapshots rm k2
snapshots rm nope
snapshots --snapshotter zz ls
plugins ls type==io.containerd.snapshotter.v1,id==overlayfs
plugins ls type==zz
"""

TASKS = """
containers create {image} c1 sleep 100
containers create {image} c1 sleep 100
containers create nope c2
containers create {image} bad/name
containers ls
containers ls -q
containers ls id==c1
containers ls =
containers label c1 a=b
containers label nope a=b
containers info nope
tasks ls
tasks start nope
tasks start -d c1
tasks start -d c1
tasks ls
tasks ls -q
tasks ps nope
tasks exec --exec-id e1 c1 echo hi
tasks exec --exec-id e1 nope echo hi
tasks exec --exec-id e2 c1 nope
tasks exec --exec-id e3 c1 sh -c 'exit 7'
tasks metrics nope
tasks pause c1
tasks ls
tasks pause c1
tasks exec --exec-id e4 c1 echo hi
tasks resume c1
tasks resume c1
containers rm c1
tasks rm c1
tasks kill -s NOPE c1
tasks kill nope
tasks kill -s KILL c1
pause
tasks ls
tasks rm c1
tasks rm c1
containers rm c1
run --rm {image} r1 echo hi
run --rm {image} r2 sh -c 'echo err >&2; exit 3'
run --rm {image} r3 nope
run --rm {image} r4 /etc
run --rm --read-only {image} r5 touch /x
run --rm --env A=B {image} r6 env
run --rm --cwd /tmp {image} r7 pwd
run --rm --user 1000:1000 {image} r8 id
run --rm --mount type=bind,src={tmp},dst=/mnt,options=rbind:ro {image} r10 ls /mnt
run --rm --memory-limit 20000000 {image} r11 true
run --rm --runtime io.containerd.nope.v1 {image} r12 true
run --rm --snapshotter zz {image} r13 true
run --rm --snapshotter native {image} r14 echo native
run --rm nope r16 true
run --rm --hostname hh {image} r18 hostname
run --rm --device /dev/nope {image} r21 true
run --rm --cap-drop CAP_CHOWN {image} r22 chown 1 /tmp
run -d --null-io {image} r24 sleep 100
run -d {image} r24 sleep 100
tasks kill -s KILL -a r24
tasks rm -f r24
containers rm r24
images rm --sync {image}
images ls
content ls
snapshots ls
"""

# Options of the same commands.
OPTIONS = """
namespaces ls
leases create --id l8 --expires 1h a=b
leases create --id l9 --expires 0
leases ls -q id==l8
leases rm --sync l8
images import --no-unpack {local} {tmp}/busybox.tar
images import --all-platforms {local} {tmp}/busybox.tar
images import --base-name foo/bar {local} {tmp}/busybox.tar
images export --platform linux/s390x {local} {tmp}/e2.tar {image}
images export --all-platforms {local} {tmp}/e3.tar {image}
images export --skip-manifest-json {local} {tmp}/e4.tar {image}
images tag {local} {image} foo:3
images tag --force {local} {image} foo:3
images rm foo:3
images mount --rw {image} {tmp}/mnt
images unmount --rm {tmp}/mnt
images mount nope {tmp}/mnt
images unmount {tmp}/nope
run -d --label a=b {image} c1 sleep 1000
tasks ps c1
tasks kill -s 0 c1
tasks kill --exec-id nope c1
tasks delete --exec-id nope c1
tasks pause nope
tasks resume nope
shim --id c1 exec --exec-id e1 c1
containers info --spec c1
containers checkpoint --image c1 checkpoint:1
containers checkpoint --rw c1 checkpoint:2
images rm checkpoint:1 checkpoint:2
snapshots mounts {tmp}/m c1
tasks kill -s KILL c1
pause
tasks rm c1
containers rm c1
snapshots --snapshotter native ls
run --rm --log-uri file://{tmp}/log {image} o1 echo hi
run --rm --log-uri binary:///nope {image} o2 echo hi
run --rm --pid-file {tmp}/pid {image} o3 true
run --rm --net-host {image} o4 true
run --rm --seccomp {image} o5 true
run --rm --cpus 0.5 --cpu-shares 512 {image} o6 true
run --rm --with-ns pid:/proc/1/ns/pid {image} o7 true
run --rm --oom-score-adj 100 {image} o8 cat /proc/self/oom_score_adj
run --rm --allow-new-privs --no-pivot {image} o10 true
run --rm --memory-limit 1 {image} o11 true
run --rm --rootfs /nope o12 true
run --rm --runc-root {tmp}/runc {image} o13 true
run --rm --platform linux/s390x {image} o14 true
run --rm --env-file {tmp}/nope {image} o15 true
"""

# What moves bytes. ~: only the code is compared, for ctr draws progress; <<<: what the command
# reads. Nothing that lies around unreferenced is asked for again: it may have been collected.
OBJECTS = """
oci spec
images import {local} {tmp}/busybox.tar
~images push --plain-http {local} {registry}/walk/busybox:1 {image}
~images push --plain-http {local} {registry}/walk/busybox:1 nope
~images push --plain-http {local} {registry}/walk/BAD:1 {image}
images rm --sync {image}
content ls -q
~images pull --plain-http {local} {registry}/walk/busybox:1
~images pull --plain-http {local} {registry}/walk/busybox:none
images ls -q
images check -q
content ls -q
~images convert --uncompress --oci {registry}/walk/busybox:1 converted:1
images convert nope converted:2
images ls -q
run --rm converted:1 r1 echo converted
~content fetch --plain-http {registry}/walk/busybox:1
content fetch --plain-http {registry}/walk/busybox:none
content fetch-object --plain-http {registry}/walk/busybox:1 {manifest}
content fetch-object --plain-http {registry}/walk/busybox:1 {nowhere}
content ingest --expected-size 5 --expected-digest {hello} key1 <<<hello
content ingest --expected-size 6 key2 <<<hello
content ingest --expected-digest {nowhere} key3 <<<hello
~content active
content edit --editor cat {config}
content edit --editor cat {nowhere}
content push-object --plain-http {registry}/NAMESPACE/objects:1 {config} text/plain
content push-object --plain-http {registry}/NAMESPACE/objects:1 {nowhere} text/plain
content prune references --dry
content prune references
snapshots unpack {manifest}
snapshots unpack {nowhere}
snapshots prepare d1 {layer}
snapshots diff --media-type application/vnd.oci.image.layer.v1.tar {layer} d1
snapshots diff nope
~install nope
~install {registry}/walk/busybox:1 --path {tmp}/opt
containers checkpoint nope c:1
containers restore nope c:1
tasks attach nope
tasks checkpoint nope
pprof --debug-socket {tmp}/none.sock goroutines
"""

# What only the newer generation has.
NEWER = """
deprecations list
plugins inspect-runtime --runtime io.containerd.nope.v2
images usage converted:1
images usage nope
images prune --all
images ls -q
leases create --id l2
leases add l2 content {nowhere}
leases rm l2
sandboxes ls
tasks delta nope
"""

DIFFERENT: dict[str, str] = {}

GENERATIONS = [
    pytest.param(shutil.which("ctr", path="/usr/bin"), shutil.which("containerd", path="/usr/bin"), id="debian"),
    pytest.param(str(PEERS / "ctr"), str(PEERS / "containerd"), id="newest"),
]


class Walker:
    """One ctr on one daemon; its output without what differs from run to run."""

    def __init__(self, ctr: str, address: str, namespace: str) -> None:
        self._argv = [ctr, "-a", address, "-n", namespace]
        self._namespace = namespace

    def walk(self, line: str) -> tuple[int, str, str]:
        command, _, given = line.replace("NAMESPACE", self._namespace).partition(" <<<")
        done = subprocess.run(
            [*self._argv, *shlex.split(command.removeprefix("~"))],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            input=given,
            check=False,
        )
        if command.startswith("~"):
            return done.returncode, "", ""
        return done.returncode, self._settled(done.stdout), self._settled(done.stderr)

    def _settled(self, text: str) -> str:
        for pattern, instead in (
            (re.escape(self._namespace), "NAMESPACE"),
            (r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", "TIME"),
            (r"elapsed|total:|\d+(\.\d+)? ?[KMG]?i?B/s|\d+\.\d+ ?s\b", "TIME"),
            (r"snapshots/\d+", "snapshots/N"),
            (r"/[^ ]*/io\.containerd\.snapshotter", "ROOT"),
            (r"\b\d{3,7}\b", "PID"),
            (r"(: invalid argument)+", ": invalid argument"),  # one layer or another says it again
            (r": unknown\b", ""),  # the older generation names the class of what has none, the newer does not
            (r" +", " "),
        ):
            text = re.sub(pattern, instead, text)
        # Go prints maps in any order.
        return re.sub(r"\S+=\S+(,\S+=\S+)+", lambda match: ",".join(sorted(match.group().split(","))), text)


@contextlib.contextmanager
def both(ctr: str, containerd: str, tmp_path: Path) -> Iterator[tuple[Walker, Walker]]:
    """Namespaces of different names, for runc keeps one folder per namespace for all daemons of a host."""
    for name in ("ours", "real", "walk"):
        (tmp_path / name).mkdir()
    path = {"PATH": f"{Path(containerd).parent}:{os.environ['PATH']}"}
    names = f"ours{os.getpid()}", f"real{os.getpid()}"
    try:
        with (
            Supervisor(tmp_path / "ours", environment=path) as ours,
            real_containerd(tmp_path / "real", containerd) as address,
        ):
            yield Walker(ctr, ours.address, names[0]), Walker(ctr, str(address), names[1])
    finally:
        for name in names:
            for left in (Path("/run/containerd/runc", name), *Path("/sys/fs/cgroup").glob(f"*/{name}")):
                with contextlib.suppress(FileNotFoundError):
                    left.rmdir()


@pytest.mark.parametrize(("ctr", "containerd"), GENERATIONS)
def test_ctr_cannot_tell(ctr: str | None, containerd: str | None, tmp_path: Path) -> None:
    """Every command of the walk gives the same on both."""
    if not (ctr and containerd and Path(ctr).exists() and Path(containerd).exists()):
        pytest.skip("needs ctr and containerd of one generation")
    folder = tmp_path / "walk"
    with both(ctr, containerd, tmp_path) as (ours, real):
        busybox_archive(folder / "busybox.tar")
        words = {
            "tmp": folder,
            "local": "--local" if str(PEERS) in ctr else "",
            "image": BUSYBOX,
            "nowhere": NOWHERE,
            **digests(folder / "busybox.tar"),
        }
        (folder / "mnt").mkdir()
        differences = walked(real, ours, RECORDS + OPTIONS + TASKS, words)
    assert not differences, shown(differences)


@needs.binary("docker-registry")
@pytest.mark.parametrize(("ctr", "containerd"), GENERATIONS)
def test_ctr_moves_bytes_the_same_way(ctr: str | None, containerd: str | None, tmp_path: Path) -> None:
    """Registry, content, conversions, differences; and the commands that find nothing to work on."""
    if not (ctr and containerd and Path(ctr).exists() and Path(containerd).exists()):
        pytest.skip("needs ctr and containerd of one generation")
    with both(ctr, containerd, tmp_path) as (ours, real), DockerRegistry(tmp_path / "registry") as registry:
        busybox_archive(tmp_path / "walk" / "busybox.tar")
        words = {
            "tmp": tmp_path / "walk",
            "local": "--local" if str(PEERS) in ctr else "",
            "image": BUSYBOX,
            "nowhere": NOWHERE,
            "hello": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "registry": registry.host,
            **digests(tmp_path / "walk" / "busybox.tar"),
        }
        differences = walked(real, ours, OBJECTS + (NEWER if words["local"] else ""), words)
    assert not differences, shown(differences)


Differences = dict[str, tuple[object, object]]


def walked(real: Walker, ours: Walker, lines: str, words: Mapping[str, object]) -> Differences:
    """The commands whose answers differ."""
    differences = {}
    for line in lines.split("\n"):
        if line == "pause":
            time.sleep(0.5)  # what was killed needs a moment to die
        elif line and line not in DIFFERENT:
            answers = compare(real, ours, line.format(**words))
            if answers[0] != answers[1]:
                differences[line] = answers
    return differences


def shown(differences: Differences) -> str:
    return "\n".join(f"{line}\n  real {real}\n  ours {ours}" for line, (real, ours) in differences.items())


def compare(real: Walker, ours: Walker, command: str) -> tuple[object, object]:
    answers = real.walk(command), ours.walk(command)
    if answers[0] != answers[1] and command.startswith("run --rm"):
        answers = real.walk(command), ours.walk(command)  # ctr itself loses a container's last words now and then
    return answers


def digests(archive: Path) -> dict[str, str]:
    """The layer's chain and the config of the image in it."""
    import json
    import tarfile

    with tarfile.open(archive) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        config = manifest[0]["Config"].rpartition("/")[2].removesuffix(".json")
        document = json.load(tar.extractfile(manifest[0]["Config"]))  # type: ignore[arg-type]
        (index,) = json.load(tar.extractfile("index.json"))["manifests"]  # type: ignore[arg-type]
    return {"config": f"sha256:{config}", "layer": document["rootfs"]["diff_ids"][0], "manifest": index["digest"]}
