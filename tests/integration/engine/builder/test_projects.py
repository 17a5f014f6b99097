"""Real projects' shapes, from the package registries: minutes, and the network; `make test-projects`.

A Python application with a pip cache mount, a C program out of a Debian made by mmdebstrap, an npm application. The C
and npm ones are also built by Debian's dockerd with its classic builder, and what was built is the same.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.engine_process import ROOT, Engine
from tests.integration.engine.builder.capture import dockerd
from tests.integration.engine.builder.conftest import WHERRY
from tests.integration.engine.builder.corpus import Docker

pytestmark = [
    needs.root,
    needs.binary("docker"),
    needs.binary("npm"),
    needs.overlay,
    pytest.mark.skipif(not os.environ.get("WHERRY_PROJECTS"), reason="minutes of downloads: make test-projects"),
]

_PYTHON = """\
FROM debian AS build
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt
WORKDIR /app
RUN python3 -m venv /venv
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip /venv/bin/pip download -d /root/.cache/pip/kept -r requirements.txt && \\
    /venv/bin/pip install --no-index --find-links=/root/.cache/pip/kept -r requirements.txt
COPY . .
FROM debian
COPY --from=build /venv /venv
COPY --from=build /app /app
USER nobody
CMD ["/venv/bin/python", "/app/app.py"]
"""
_C = """\
FROM debian AS build
WORKDIR /src
COPY . .
RUN make && install -D -m 0755 hello /out/bin/hello
FROM scratch
COPY --from=build /out/ /
ENTRYPOINT ["/bin/hello"]
"""
_NPM = """\
FROM debian AS deps
WORKDIR /app
COPY package.json ./
ADD npm.tgz /opt/
RUN node /opt/package/bin/npm-cli.js install --no-audit --no-fund --ignore-scripts --no-package-lock
FROM debian
WORKDIR /app
COPY --from=deps /app/node_modules ./node_modules
COPY index.js .
CMD ["node", "index.js"]
"""
_CA = "/etc/ssl/certs/ca-certificates.crt"
_PACKAGES = "ca-certificates,python3-venv,gcc,libc6-dev,make,nodejs"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Debian with compilers, as a tar for `docker import`; WHERRY_PROJECTS may name one that is there already."""
    if os.environ["WHERRY_PROJECTS"].endswith(".tar"):
        return Path(os.environ["WHERRY_PROJECTS"])
    folder = tmp_path_factory.mktemp("debian")
    sites = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Origin: Debian", "Label: Debian"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    words = ["--quiet", "--variant=minbase", f"--include={_PACKAGES}", "--aptopt=APT::Sandbox::User root"]
    subprocess.run(["mmdebstrap", *words, "bookworm", str(folder / "debian.tar"), sites[0]], check=True, timeout=1200)
    return folder / "debian.tar"


@pytest.fixture(scope="module")
def engine(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Ours, with the base."""
    with Engine(tmp_path_factory.mktemp("projects") / "e") as made:
        made.docker("import", str(base), "debian", timeout=300)
        yield made


@pytest.fixture(scope="module")
def theirs(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """Debian's dockerd, with the base."""
    with dockerd(tmp_path_factory.mktemp("d")) as docker:
        docker("import", str(base), "debian")
        yield docker


def _certified(folder: Path, dockerfile: str) -> str:
    """The host's certificates go along: a registry may be reached through a proxy that only the host knows."""
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", folder / "ca.crt")
    return dockerfile.replace(
        "WORKDIR /app\n",
        f"COPY ca.crt {_CA}\nENV NODE_EXTRA_CA_CERTS={_CA} npm_config_cafile={_CA}\nWORKDIR /app\n",
        1,
    )


def _build(engine: Engine, folder: Path, name: str) -> str:
    words = [*WHERRY, "-H", engine.host, "build", "--network", "host", "-t", name, str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _classic(docker: Docker, folder: Path, name: str) -> None:
    docker("build", "--network", "host", "-t", name, str(folder))


def test_a_python_application_with_a_pip_cache(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("click==8.1.7\nitsdangerous==2.2.0\n")
    (tmp_path / "app.py").write_text("import click, itsdangerous, os\nclick.echo(f'runs as {os.getuid()}')\n")
    (tmp_path / ".dockerignore").write_text("__pycache__\n")
    (tmp_path / "Dockerfile").write_text(_certified(tmp_path, _PYTHON))
    _build(engine, tmp_path, "pyapp")
    assert engine.out("run", "--rm", "--network", "none", "pyapp") == "runs as 65534"
    (tmp_path / "requirements.txt").write_text("itsdangerous==2.2.0\nclick==8.1.7\n")
    assert "File was already downloaded" in _build(
        engine, tmp_path, "pyapp"
    )  # not every registry allows pip's own cache
    kept = json.loads(engine.out("system", "df", "-v", "--format", "{{json .BuildCache}}"))
    (cache,) = [row for row in kept if row["CacheType"] == "exec.cachemount"]
    assert cache["Size"] != "0B", "pip has kept nothing between builds"
    assert _build(engine, tmp_path, "pyapp").count("Using cache\n") == 12


def test_a_c_program_out_of_a_debian(engine: Engine, theirs: Docker, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("hello: hello.c\n\tgcc -O2 -static -o $@ $<\n")
    (tmp_path / "hello.c").write_text('#include <stdio.h>\nint main(void) { puts("hello from C"); return 0; }\n')
    (tmp_path / "Dockerfile").write_text(_C)
    _build(engine, tmp_path, "hello")
    assert engine.out("run", "--rm", "--network", "none", "hello") == "hello from C"
    _classic(theirs, tmp_path, "hello")
    shown = "{{len .RootFS.Layers}} {{.Config.Entrypoint}}"
    assert (
        engine.out("inspect", "-f", shown, "hello") == theirs("inspect", "-f", shown, "hello").stdout.decode().strip()
    )


def test_an_npm_application(engine: Engine, theirs: Docker, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(
        '{"name": "x", "version": "1.0.0", "dependencies": {"is-number": "7.0.0"}}\n'
    )
    (tmp_path / "index.js").write_text("console.log(require('is-number')('42') ? 'a number' : 'none')\n")
    (tmp_path / ".dockerignore").write_text("node_modules\n")
    packed = subprocess.run(["npm", "pack", "npm@9.9.3"], cwd=tmp_path, capture_output=True, text=True, check=True)
    (tmp_path / packed.stdout.split()[-1]).rename(tmp_path / "npm.tgz")  # Debian's npm is four hundred packages
    (tmp_path / "Dockerfile").write_text(_certified(tmp_path, _NPM))
    _build(engine, tmp_path, "npmapp")
    _classic(theirs, tmp_path, "npmapp")
    assert engine.out("run", "--rm", "--network", "none", "npmapp") == "a number"
    tree = [
        "run",
        "--rm",
        "--network",
        "none",
        "npmapp",
        "sh",
        "-c",
        "cd /app; find . -type f | sort | xargs sha256sum",
    ]
    assert engine.out(*tree) == theirs(*tree).stdout.decode().strip()
