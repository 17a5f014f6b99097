"""The programs below, asked who they are."""

import sys
from pathlib import Path

import pytest

from engine.containers.programs import Program, look, program, read_init, read_version
from engine.containers.runtimes import OUR_SHIM, Runtime, Runtimes


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("runc version 1.3.0\ncommit: v1.3.0-0-g4ca628d\nspec: 1.2.1\n", Program("runc", "1.3.0", "v1.3.0-0-g4ca628d")),
        ("lowrt version 0.1.0\nspec: 1.2.1\n", Program("lowrt", "0.1.0")),
        ("something else", None),
        ("", None),
    ],
)
def test_a_runtime_names_its_version_and_its_commit(text: str, found: Program | None) -> None:
    assert read_version(text) == found


def test_an_init_names_its_version() -> None:
    assert read_init("tini version 0.19.0 - git.de40ad0\n", "docker-init") == Program(
        "docker-init", "0.19.0", "de40ad0"
    )
    assert read_init("tini version 0.19.0\n", "tini") == Program("tini", "0.19.0")
    assert read_init("catatonit", "catatonit") is None


def test_a_version_stands_for_a_commit_that_nobody_told() -> None:
    assert Program("a", "1").id == "1"
    assert Program("a", "1", "c").id == "c"


async def test_all_are_asked_and_the_broken_ones_passed_over(tmp_path: Path) -> None:
    good = script(
        tmp_path / "good", 'case $1 in features) echo "{ }";; *) echo good version 2; echo commit: abc;; esac'
    )
    odd = script(tmp_path / "odd", "echo [1]")
    failing = script(tmp_path / "failing", "exit 3")
    configured = {name: {"path": path} for name, path in (("g", good), ("o", odd), ("f", failing))}
    runtimes = Runtimes(configured | {"away": {"path": str(tmp_path / "none")}}, "g")
    init = script(tmp_path / "init", "echo tini version 7")
    below = await look(runtimes, init, Program("containerd", "2"))
    assert (below.runtime, below.init) == (Program("good", "2", "abc"), Program("init", "7"))
    assert below.features["g"] == "{}"
    assert not {"o", "f", "away"} & set(below.features)


async def test_another_program_in_the_same_place_is_asked_again(tmp_path: Path) -> None:
    path = script(tmp_path / "rt", "echo rt version 1")
    runtimes = Runtimes({"rt": {"path": path}}, "rt")
    assert (await look(runtimes, "", None)).runtime == Program("rt", "1")
    script(tmp_path / "new", "echo rt version 2")
    (tmp_path / "new").replace(path)
    assert (await look(runtimes, "", None)).runtime == Program("rt", "2")


def test_our_runtime_is_the_one_beside_our_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    ours = script(tmp_path / "lowrt", "echo {}")
    assert program(Runtime(OUR_SHIM)) == ours
    assert program(Runtime(OUR_SHIM, "/opt/crun")) == "/opt/crun"
    assert program(Runtime("io.containerd.kata.v2")) == ""
