"""`make install`, then `wherry run` with no daemon running: the promise of the README's first page.

It happens in a mount and a network namespace of its own, with empty /run, /var/lib and /var/log: the defaults can be
used as they are, and nothing of it is to be seen outside.
"""

import subprocess
import sys
import textwrap
from pathlib import Path

from tests import needs
from tests.images import busybox_archive

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
set -eu
mount --make-rprivate /
for folder in /run /var/lib /var/log; do mount -t tmpfs none $folder; done
ip link set lo up
stop() {  # the supervisor stays where an engine has failed
  for name in wherryd supervisor/supervisor; do
    daemon=$(cat /run/wherry/$name.pid 2>/dev/null) && kill $daemon 2>/dev/null || continue
    tail --pid=$daemon -f /dev/null
  done
}
trap stop EXIT
wherry load -i "$1"
wherry run busybox echo hello
wherry run --rm busybox sh -c 'exit 3' || echo "code $?"
wherry ps -aq | wc -l
wherry rm $(wherry ps -aq) >/dev/null
"""


@needs.root
@needs.overlay
@needs.binary("unshare")
def test_an_installed_wherry_runs_a_container_with_no_daemon_running(tmp_path: Path) -> None:
    """The command line says that it starts one, and goes on."""
    prefix = tmp_path / "prefix"
    install = [sys.executable, ROOT / "deploy" / "install.py", "--prefix", prefix]
    subprocess.run(install, check=True, capture_output=True, text=True)
    archive = busybox_archive(tmp_path / "busybox.tar")
    done = subprocess.run(
        ["unshare", "--mount", "--net", "bash", "-c", textwrap.dedent(SCRIPT), "first-run", archive],
        env={"PATH": f"{prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["Loaded image: busybox:latest", "hello", "code 3", "1"]
    assert done.stderr.count("wherry: no daemon at unix:///run/wherry/docker.sock: starting one") == 1
    subprocess.run([*install, "--uninstall"], check=True, capture_output=True)
    assert not list((prefix / "bin").iterdir())
