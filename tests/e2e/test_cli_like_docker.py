"""`wherry` and the stock docker CLI ask one engine the same, and say the same: tables, JSON lines, templates."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.daemons import peers_programs
from tests.engine_process import Engine

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

WHERRY = [sys.executable, "-c", "from engine.cli.main import main; main()"]
AGES = re.compile(r"(?:Less than a second|About an? (?:minute|hour)|\d+ (?:second|minute|hour)s?)")
MOMENTS = {"SystemTime", "NFd", "NGoroutines", "NEventsListener"}  # of the engine, when it was asked
CLIENTS = {"Client", "ClientInfo"}  # each says who it is itself
BEYOND = {
    "LogsSize",
    "DiscoveredDevices",
    "KernelMemoryTCP",
}  # of ours, or of versions that this docker cannot read yet


@pytest.fixture(scope="module")
def docker() -> str:
    folder = peers_programs()
    if folder is None:
        pytest.skip("needs the newest Docker's programs (../shared/peers)")
    return f"{folder}/docker"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, docker: str) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("like-docker"), client=docker) as made:
        script = "mkdir /made; touch /x; echo said; exec sleep 600"
        flags = ["--network", "none", "--label", "a=b", "--label", "c=", "-v", "vol:/v", "-v", "/srv:/s:ro"]
        made.docker("run", "-d", "--name", "c1", *flags, "busybox", "sh", "-c", script)
        made.docker("create", "--name", "c2", "--network", "none", "busybox", "true")
        made.docker("network", "create", "--internal", "--label", "n=1", "like-docker")
        made.docker("volume", "create", "--label", "v=1", "empty")
        made.docker("tag", "busybox", "localhost:5000/foo:v1")
        try:
            made.until("said", "logs", "c1", timeout=60)
            yield made
        finally:
            made.docker("network", "rm", "like-docker")  # its bridge and its rules are the host's


def both(engine: Engine, docker: str, *words: str) -> tuple[str, str]:
    """What each prints, with ages that may have passed a second made the same."""
    answers = []
    for program in ([docker], WHERRY):
        done = subprocess.run(
            [*program, "-H", engine.host, *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, (program, done.stderr)
        answers.append(AGES.sub("A WHILE", done.stdout))
    return answers[0], answers[1]


def comparable(value: Any) -> Any:
    """Without what is each program's own, or the moment's."""
    if isinstance(value, dict):
        kept = {name: comparable(one) for name, one in value.items() if name not in MOMENTS | CLIENTS | BEYOND}
        return kept if "path" not in kept else {"path": kept["path"]}
    return [comparable(one) for one in value] if isinstance(value, list) else value or None


def documents(text: str) -> list[Any]:
    """One a line, in an order of their own: docker lists the names of an image as a map of Go's has them."""
    found = [json.loads(line) for line in text.splitlines()]
    return sorted((comparable(one) for one in found), key=json.dumps)


LISTS = [
    ["ps", "-a"],
    ["ps", "-a", "--no-trunc"],
    ["images"],
    ["images", "--no-trunc", "--digests"],
    ["network", "ls"],
    ["network", "ls", "--no-trunc"],
    ["volume", "ls"],
    ["history", "busybox"],
    ["stats", "--no-stream"],
    ["stats", "--no-stream", "--no-trunc", "c1"],
    ["context", "ls"],
]


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_a_list_is_the_same_for_machines(engine: Engine, docker: str, words: list[str]) -> None:
    theirs, ours = both(engine, docker, *words, "--format", "json")
    keys = [list(json.loads(line)) for line in ours.splitlines()]
    assert keys == [list(json.loads(line)) for line in theirs.splitlines()]
    assert documents(ours) == documents(theirs)


@pytest.mark.parametrize(
    "words",
    [["version"], ["info"], ["inspect", "c1", "c2"], ["network", "inspect", "none"], ["volume", "inspect", "vol"]],
    ids=" ".join,
)
def test_a_document_is_the_same_for_machines(engine: Engine, docker: str, words: list[str]) -> None:
    theirs, ours = both(engine, docker, *words, "--format", "json")
    theirs_known = {name for one in documents(theirs) if isinstance(one, dict) for name in one}
    ours_known = {name for one in documents(ours) if isinstance(one, dict) for name in one}
    assert theirs_known == ours_known
    if words[0] in ("version", "info"):
        return
    assert documents(ours) == documents(theirs)


def test_disk_usage_is_the_same_but_for_the_logs_that_docker_does_not_count(engine: Engine, docker: str) -> None:
    theirs, ours = both(engine, docker, "system", "df", "--format", "json")
    assert [one for one in documents(ours) if one["Type"] != "Logs"] == documents(theirs)
    theirs, ours = both(engine, docker, "system", "df", "-v", "--format", "json")
    assert [list(one) for one in documents(ours)] == [list(one) for one in documents(theirs)]
    for kind, rows in documents(theirs)[0].items():
        assert [{**row, "Repository": "", "Tag": ""} for row in documents(ours)[0][kind] or ()] == [
            {**row, "Repository": "", "Tag": ""} for row in rows or ()
        ]


@pytest.mark.parametrize(
    "words",
    [
        ["ps", "-a"],
        ["ps", "-aq"],
        ["ps", "-as"],
        ["ps", "--format", "table {{.Names}}\\t{{.Ports}}\\t{{.Label \"a\"}}"],
        ["ps", "-a", "--format", "{{.ID}}: {{.Command}} {{.Mounts}}"],
        ["network", "ls"],
        ["network", "ls", "-q"],
        ["volume", "ls"],
        ["history", "busybox"],
        ["history", "-q", "--no-trunc", "busybox"],
        ["diff", "c1"],
        ["top", "c1"],
        ["top", "c1", "-o", "pid,comm"],
        ["logs", "c1"],
        ["port", "c1"],
        ["stats", "--no-stream"],
        ["context", "ls"],
        ["inspect", "c1"],
        ["inspect", "-f", "{{.Name}} {{json .Config.Labels}} {{range .Mounts}}{{.Destination}} {{end}}", "c1"],
        ["image", "inspect", "-f", "{{.Os}}/{{.Architecture}} {{len .RootFS.Layers}}", "busybox"],
        ["system", "df", "--format", "{{.Type}}: {{.Size}}"],
        ["version", "--format", "{{.Server.Version}} {{.Client.Os}}"],
        ["info", "--format", "{{.Driver}} {{.ClientInfo.Context}}"],
        ["container", "inspect", "--size", "-f", "{{.SizeRootFs}}", "c1"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_people_read_the_same(engine: Engine, docker: str, words: list[str]) -> None:
    theirs, ours = both(engine, docker, *words)
    ours = "\n".join(line for line in ours.splitlines() if not line.startswith("Logs"))
    assert [line.split() for line in ours.splitlines()] == [line.split() for line in theirs.splitlines()]


MISTAKES = """
rm c1
rm nosuch
rmi nosuch
exec c2 true
exec nosuch true
exec c1 nosuch
exec c1 sh -c 'exit 7'
exec -u nobody2 c1 true
exec -w /nosuch c1 pwd
run --rm --network none busybox nosuch
run --rm --network none busybox /etc/passwd
run --rm --network none busybox sh -c 'exit 9'
run --rm --network none --name c1 busybox true
run --rm --network nosuch busybox true
run --pull never nosuch:latest
run -m 1k busybox true
inspect nosuch
inspect --type image c1
network inspect nosuch
volume inspect nosuch
volume rm vol
volume rm nosuch
network create none
stop nosuch
kill c2
kill -s BAD c1
pause c2
unpause c1
logs nosuch
top c2
port c1 80
port nosuch
cp nosuch:/x .
cp c1:/nosuch .
tag nosuch x
history nosuch
diff nosuch
wait nosuch
rename c1 c2
rename nosuch x
update --memory 1k c1
commit nosuch
export nosuch
load -i /nosuch
save nosuch
attach c2
stats --no-stream nosuch
create --name c1 busybox
ps --filter bad=1
images --filter bad=1
events --since bad --until 0s
container prune --filter bad=1 -f
volume create -d nosuch x
run -d --restart bad busybox
create --cpus 99 busybox
create -v / busybox
create --mount type=bad,target=/x busybox
create --mount type=bind,source=/nosuch,target=/x busybox
create --cap-add BAD busybox
create --log-driver syslog busybox
create --network container:nosuch busybox
create --pid container:nosuch busybox
create --volumes-from nosuch busybox
create --stop-signal BAD busybox
login -u x
context use nosuch
""".strip().splitlines()


def said(program: list[str], engine: Engine, words: str, folder: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [*program, "-H", engine.host, *shlex.split(words)],
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    errors = re.sub(r"\b[0-9a-f]{64}\b", "ID", done.stderr).replace("wherry", "docker")
    return done.returncode, done.stdout.strip(), errors.strip()


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_ends_with_the_same_code_and_words(engine: Engine, docker: str, words: str, tmp_path: Path) -> None:
    makes = words.startswith(("run", "create"))
    before = set(engine.out("ps", "-aq").split()) if makes else set()
    answers = []
    for program in ([docker], WHERRY):
        answers.append(said(program, engine, words, tmp_path))
        if makes:  # `run` leaves what it could not start
            for left in set(engine.out("ps", "-aq").split()) - before:
                engine.docker("rm", "-f", left)
    assert answers[1] == answers[0]
    assert answers[0][0] != 0
