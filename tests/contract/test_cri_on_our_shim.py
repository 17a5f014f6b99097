"""Pods as a kubelet makes them, by the CRI of the real containerd of both generations, on our shim and lowrt."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.containerd_process import Containerd
from tests.contract.test_shim_v2_containerd import peers_path
from tests.cri_client import EXITED, HOST, Cri, message
from tests.images import archive, busybox_layer
from tests.supervisor_process import ROOT

pytestmark = [needs.root, needs.overlay, needs.binary("busybox"), needs.binary("ctr"), needs.binary("containerd")]

PAUSE, BUSYBOX = "docker.io/library/pause:1", "docker.io/library/busybox:1"
# Of containerd's generations: the file's version, where the pause image's name stands, and which plugin is the CRI.
GENERATIONS = {
    "debian": (2, '"io.containerd.grpc.v1.cri".sandbox_image', "io.containerd.grpc.v1.cri"),
    "newest": (3, '"io.containerd.cri.v1.images".pinned_images.sandbox', "io.containerd.cri.v1.runtime"),
}


def configuration(generation: str, folder: Path) -> str:
    """config.toml with our shim as the only runtime, and without network plugins."""
    version, pause, cri = GENERATIONS[generation]
    return f"""\
version = {version}
[plugins]
  {pause} = "{PAUSE}"
  "{cri}".restrict_oom_score_adj = true
  "{cri}".disable_apparmor = true
  "{cri}".cni.bin_dir = "{folder}/cni"
  "{cri}".cni.conf_dir = "{folder}/cni"
  "{cri}".containerd.default_runtime_name = "ours"
  "{cri}".containerd.runtimes.ours.runtime_type = "io.containerd.wherry.v2"
"""


@pytest.fixture(scope="module", params=["debian", pytest.param("newest", marks=needs.peers)])
def kubelet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cri]:
    """What a kubelet talks to."""
    folder = tmp_path_factory.mktemp(request.param)
    newest = request.param == "newest"
    program = f"{peers_path().partition(':')[0]}/containerd" if newest else "/usr/bin/containerd"
    text = configuration(request.param, folder)
    path = f"{ROOT / 'deploy' / 'bin'}:{os.environ['PATH']}"
    with Containerd(folder, program, config=text, environment={"PATH": path}) as daemon:
        for name, command in (("pause:1", ["sleep", "100000"]), ("busybox:1", ["sh"])):
            image = archive(
                folder / "image.tar", name, [busybox_layer()], config={"Cmd": command, "Env": ["PATH=/bin"]}
            )
            words = ["ctr", "-a", daemon.address, "-n", "k8s.io", "images", "import", str(image)]
            subprocess.run(words, check=True, capture_output=True)
        cri = Cri(daemon.address)
        yield cri
        cri.close()
    for left in (Path("/run/containerd/runc/k8s.io"), *Path("/sys/fs/cgroup").glob("*/k8s.io")):
        with contextlib.suppress(OSError):  # another's pods may be in it
            left.rmdir()


@pytest.fixture
def pod(kubelet: Cri, tmp_path: Path) -> Iterator[tuple[str, Any]]:
    """A pod on the host's network, and its configuration."""
    config = message(
        "PodSandboxConfig",
        metadata={"name": "pod", "uid": f"u{os.getpid()}", "namespace": "tests"},
        log_directory=str(tmp_path),
        linux={"security_context": {"namespace_options": {"network": HOST}}},
    )
    started = kubelet.call("RunPodSandbox", message("RunPodSandboxRequest", config=config), "RunPodSandboxResponse")
    yield started.pod_sandbox_id, config
    for method in ("StopPodSandbox", "RemovePodSandbox"):
        kubelet.call(method, message("Named", id=started.pod_sandbox_id))
    assert shims(started.pod_sandbox_id) == []


def shims(pod: str) -> list[int]:
    """The shims that were started for a pod, and for whatever has its id on the command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it ended while we looked
        if words[0] == "containerd-shim-wherry-v2" and pod in words:
            found.append(int(entry.parent.name))
    return found


def start(kubelet: Cri, pod: tuple[str, Any], name: str, *command: str) -> str:
    config = message(
        "ContainerConfig",
        metadata={"name": name},
        image={"image": BUSYBOX},
        command=list(command),
        log_path=f"{name}.log",
        linux={"security_context": {"namespace_options": {"network": HOST}}},
    )
    request = message("CreateContainerRequest", pod_sandbox_id=pod[0], config=config, sandbox_config=pod[1])
    container: str = kubelet.call("CreateContainer", request, "CreateContainerResponse").container_id
    kubelet.call("StartContainer", message("Named", id=container))
    return container


def test_a_pods_containers_live_in_its_shim(kubelet: Cri, pod: tuple[str, Any], tmp_path: Path) -> None:
    """Their output is in the kubelet's log, execs and exits have their codes, and in the end nothing is left."""
    (shim,) = shims(pod[0])
    containers = [start(kubelet, pod, name, "sh", "-c", f"echo {name}; exec sleep 1000") for name in ("one", "two")]
    parents = {
        int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
        if Path(f"/proc/{pid}/cgroup").exists() and any(one in read(f"/proc/{pid}/cgroup") for one in containers)
    }
    assert shim in parents
    assert [shims(container) for container in containers] == [[], []]
    request = message("ExecSyncRequest", container_id=containers[0], cmd=["sh", "-c", "echo in; exit 3"], timeout=30)
    done = kubelet.call("ExecSync", request, "ExecSyncResponse")
    assert (done.stdout, done.exit_code) == (b"in\n", 3)
    for container, name in zip(containers, ("one", "two"), strict=True):
        kubelet.call("StopContainer", message("StopContainerRequest", container_id=container, timeout=0))
        status = kubelet.call("ContainerStatus", message("Named", id=container), "ContainerStatusResponse").status
        assert (status.state, status.exit_code) == (EXITED, 137)
        assert read(str(tmp_path / f"{name}.log")).endswith(f"stdout F {name}\n")


def read(path: str) -> str:
    """A file that may go away at any moment."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""
