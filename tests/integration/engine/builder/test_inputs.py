"""Where a build's inputs come from: git, http, other images' history, mounts with a past; and what prune takes."""

import contextlib
import io
import json
import tarfile
from pathlib import Path

from tests import needs
from tests.integration.engine.builder.conftest import Builds
from tests.integration.engine.builder.servers import git, git_server, repository, web_server

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]


@needs.binary("git")
def test_a_git_repository_is_a_source_and_a_context(builds: Builds, tmp_path: Path) -> None:
    work = repository(
        tmp_path / "srv/x.git",
        {"Dockerfile": "FROM busybox\nCOPY . /c\n", "sub/Dockerfile": "FROM busybox\nCOPY f /f\n", "sub/f": "one\n"},
    )
    git(work, "tag", "v1")
    first = git(work, "rev-parse", "HEAD")
    (work / "sub/f").write_text("two\n")
    git(work, "commit", "-qam", "two")
    with git_server(tmp_path / "srv") as url:
        builds.build(
            tmp_path / "c",
            f"FROM busybox\nADD {url}/x.git /head\nADD {url}/x.git#v1:sub /v1/\n"
            f"ADD --checksum={first} --keep-git-dir=true {url}/x.git /kept\n",
            *("-t", "git"),
        )
        told = builds.run("git", "cat /head/sub/f /v1/f /kept/sub/f; ls -a /head /kept | grep -c '^.git$'")
        assert told.split() == ["two", "one", "one", "1"]
        builds.wherry("build", "-q", "-t", "gitctx", f"{url}/x.git#v1:sub")  # cloned by the command line
        assert builds.run("gitctx", "cat /f") == "one"
        with contextlib.closing(builds.engine_http()) as connection:  # cloned by the engine
            connection.request("POST", f"/build?t=gitremote&networkmode=none&remote={url}/x.git%23main:sub")
            answer = connection.getresponse().read().decode()
        assert "Successfully tagged gitremote" in answer, answer
        assert builds.run("gitremote", "cat /f") == "two"
        wrong = builds.build(
            tmp_path / "c", f"FROM busybox\nADD --checksum={'a' * 40} {url}/x.git#v1 /x\n", check=False
        )
        assert "expected checksum to match" in wrong.stderr
    assert builds.leftovers() == []


def test_a_context_and_a_file_from_the_web(builds: Builds, tmp_path: Path) -> None:
    folder = tmp_path / "srv"
    folder.mkdir()
    (folder / "alone").write_text("FROM busybox\nRUN echo alone > /f\n")
    with tarfile.open(folder / "c.tar.gz", "w:gz") as tar:
        for name, text in (("D", b"FROM busybox\nCOPY f /f\n"), ("f", b"packed\n")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    with web_server(folder) as url:
        builds.wherry("build", "--network", "none", "-q", "-t", "web1", f"{url}/alone")
        builds.wherry("build", "--network", "none", "-q", "-f", "D", "-t", "web2", f"{url}/c.tar.gz")
        assert [builds.run(name, "cat /f") for name in ("web1", "web2")] == ["alone", "packed"]
        builds.build(
            tmp_path / "c",
            f"FROM busybox\nADD {url}/c.tar.gz /as-is/\nADD --unpack=true {url}/c.tar.gz /unpacked/\n",
            *("-t", "web3"),
        )
    assert builds.run("web3", "ls /as-is /unpacked | grep -v :").split() == ["c.tar.gz", "D", "f"]


def test_steps_are_found_in_the_history_of_an_image_that_came_from_elsewhere(builds: Builds, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "f").write_text("1")
    text = "FROM busybox\nENV A=1\nCOPY f /f\nRUN date +%N > /when\nWORKDIR /w\n"
    builds.build(folder, text, "-t", "elsewhere")
    when = builds.run("elsewhere", "cat /when")
    builds.engine.docker("save", "-o", str(tmp_path / "image.tar"), "elsewhere")
    builds.engine.docker("rmi", "elsewhere")
    builds.engine.docker("builder", "prune", "-af")
    builds.engine.docker("load", "-i", str(tmp_path / "image.tar"))
    again = builds.build(folder, text, "-t", "again", "--cache-from", "elsewhere", "--cache-from", "nowhere")
    assert again.stdout.count(" ---> Using cache") == 4
    assert builds.run("again", "cat /when") == when
    (folder / "f").write_text("2")
    changed = builds.build(folder, text, "--cache-from", "elsewhere")
    assert changed.stdout.count(" ---> Using cache") == 1


def test_copies_keep_parents_and_modes_by_symbols(builds: Builds, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    (folder / "src/a/b").mkdir(parents=True)
    for name in ("src/a/one.c", "src/a/b/two.c", "src/a/b/two.h"):
        (folder / name).write_text(name)
        (folder / name).chmod(0o600)
    builds.build(
        folder,
        "FROM busybox\nCOPY --parents src/**/*.c /p/\nCOPY --parents --exclude=**/*.h ./src/./a/ /q/\n"
        "COPY --chmod=u=rwX,go=rX src /m/\nADD --link --chmod=a+x src/a/one.c /l/\n",
        *("-t", "parents"),
    )
    told = builds.run("parents", "cd /; find p q -type f | sort; stat -c %a /m/a /m/a/one.c /l/one.c")
    assert told.split() == ["p/src/a/b/two.c", "p/src/a/one.c", "q/a/b/two.c", "q/a/one.c", "755", "644", "711"]


def test_mounts_that_may_be_written_or_begin_with_something(builds: Builds, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    (folder / "d").mkdir(parents=True)
    (folder / "d/f").write_text("old\n")
    builds.build(
        folder,
        "FROM busybox AS seed\nRUN mkdir /s && echo seed > /s/f\nFROM busybox\n"
        "RUN --mount=type=bind,rw,source=d,target=/d --mount=type=bind,rw,source=d/f,target=/one "
        "echo new > /d/f && echo new > /one && touch /d/more && cat /d/f /one > /written\n"
        "RUN --mount=type=bind,source=d,target=/d cat /d/* > /after\n"
        "RUN --mount=type=cache,target=/c,from=seed,source=/s,id=seeded cat /c/f > /seeded && echo kept > /c/f\n"
        "RUN --mount=type=cache,target=/e,id=seeded,sharing=private cat /e/f > /again\n",
        *("-t", "written"),
    )
    assert builds.run("written", "cat /written /after /seeded /again").split() == ["new", "new", "old", "seed", "kept"]
    assert (folder / "d/f").read_text() == "old\n"
    assert builds.leftovers() == []


def test_prune_and_df_see_steps_and_cache_mounts(builds: Builds, tmp_path: Path) -> None:
    text = "FROM busybox\nRUN --mount=type=cache,target=/c,id=seen head -c 100000 /dev/zero > /c/x; echo y > /y\n"
    builds.build(tmp_path / "c", text)
    rows = json.loads(builds.engine.out("system", "df", "-v", "--format", "{{json .}}"))["BuildCache"]
    assert any(row["CacheType"] == "regular" for row in rows)
    builds.wherry("builder", "prune", "-f", "--filter", "until=1h")
    assert builds.build(tmp_path / "c", text).stdout.count("Using cache") == 1
    said = builds.wherry("builder", "prune", "-f", "--filter", "type=exec.cachemount").stdout
    assert "Total reclaimed space: " in said
    assert builds.build(tmp_path / "c", text).stdout.count("Using cache") == 1
    builds.wherry("builder", "prune", "-af")
    assert "Using cache" not in builds.build(tmp_path / "c", text).stdout
