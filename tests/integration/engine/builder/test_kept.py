"""Large contexts by `wherry build`: the engine keeps them, and each build is of what the folder is now."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import needs
from tests.integration.engine.builder.conftest import Builds

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

_FILE = "FROM busybox\nCOPY . /c\nCOPY --chown=3:4 --chmod=600 d/1 /one\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """More than is sent without a question."""
    made = tmp_path / "c"
    (made / "d").mkdir(parents=True)
    for number in range(120):
        (made / f"d/{number}").write_text(f"{number}\n")
    (made / "large").write_bytes(bytes(range(256)) * 8192)
    (made / "link").symlink_to("d/1")
    return made


def _kept(builds: Builds) -> list[Path]:
    return sorted((builds.engine.folder / "data/builder/contexts").iterdir())


def test_a_context_is_sent_once_and_each_build_is_of_what_is_there_now(builds: Builds, folder: Path) -> None:
    others = _kept(builds)
    builds.build(folder, _FILE, "-t", "kept")
    ask = "cd /c; find . -type f | wc -l; cat d/1 link large | md5sum; stat -c %a,%u,%h d/2 /one; ls -a | tr '\\n' ' '"
    before = builds.run("kept", ask)
    assert before.split()[0] == "122"
    assert "644,0,1" in before
    assert "600,3,1" in before
    (tree,) = set(_kept(builds)) - set(others)
    inode = (tree / "tree/large").stat().st_ino

    assert builds.build(folder, _FILE, "-t", "kept").stdout.count("Using cache") == 2
    assert (tree / "tree/large").stat().st_ino == inode, "what has not changed was not sent"

    (folder / "d/1").write_text("new\n")
    (folder / "d/2").chmod(0o640)
    (folder / "d/3").unlink()
    (folder / "link").unlink()
    (folder / "link").symlink_to("large")
    builds.build(folder, _FILE, "-t", "kept2")
    assert builds.run("kept2", "cat /c/d/1 /one; stat -c %a /c/d/2; readlink /c/link; ls /c/d | wc -l").split() == [
        *("new", "new", "640", "large", "119"),
    ]
    assert builds.run("kept", ask) == before, "an image of before has what was there before"
    builds.run("kept2", "echo x >> /c/large; echo y > /c/d/5")
    assert (tree / "tree/large").stat().st_size == 256 * 8192
    assert builds.build(folder, _FILE, "--no-cache", "-t", "kept3").stdout.count("Using cache") == 0
    assert builds.run("kept3", "md5sum /c/large") == builds.run("kept2", "md5sum /c/large")
    assert builds.leftovers() == []


def test_what_dockerignore_names_is_in_no_image_though_the_engine_saw_it(builds: Builds, folder: Path) -> None:
    (folder / ".dockerignore").write_text("Dockerfile\n.dockerignore\nd/1*\n!d/11\n")
    for name in ("ignoring1", "ignoring2"):
        builds.build(folder, "FROM busybox\nCOPY . /c\n", "-t", name)
        assert builds.run(name, "cd /c; ls -A; ls d | grep -c ^1").split() == ["d", "large", "link", "1"]
    again = builds.build(folder, "FROM busybox\nCOPY . /c\n")
    assert "Using cache" in again.stdout


def test_a_dockerfile_from_elsewhere_is_no_part_of_the_context(builds: Builds, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "D").write_text("FROM busybox\nCOPY . /c\n")
    words = ("build", "--network", "none", "-f", f"{tmp_path}/D", "-t", "elsewhere", str(folder))
    builds.wherry(*words)
    assert builds.run("elsewhere", "ls -A /c").split() == ["d", "large", "link"]
    assert "Using cache" in builds.wherry(*words).stdout
    small = tmp_path / "small"
    small.mkdir()
    (small / "f").write_text("")
    builds.wherry(*words[:-1], str(small))
    assert builds.run("elsewhere", "ls -A /c") == "f"


def test_two_builds_of_one_folder_at_once_and_a_prune(builds: Builds, folder: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda n: builds.build(folder, _FILE, "-t", f"at-once-{n}"), range(2)))
    assert all(each.returncode == 0 for each in done)
    shown = builds.wherry("system", "df", "-v").stdout
    assert "source.local" in shown
    assert _kept(builds)
    builds.wherry("builder", "prune", "-f", "--filter", "type=source.local")
    assert _kept(builds) == []
    assert os.listdir(builds.engine.folder / "data/builder/tmp") == []
