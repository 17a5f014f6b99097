"""From a runtime's name to a program."""

from pathlib import Path

import pytest

from proto.errdefs import Fault, InvalidArgument
from supervisor.runtime.programs import ShimPrograms, binary_name


def program(folder: Path, name: str) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("runtime", "name"),
    [
        ("io.containerd.runc.v2", "containerd-shim-runc-v2"),
        ("kata.v2", "containerd-shim-kata-v2"),
        ("runc", ""),
        ("", ""),
        ("a..b", ""),
    ],
)
def test_the_last_two_parts_of_a_name_make_the_program(runtime: str, name: str) -> None:
    assert binary_name(runtime) == name


def test_path_comes_before_our_own_folder(tmp_path: Path) -> None:
    installed = program(tmp_path / "path", "containerd-shim-runc-v2")
    program(tmp_path / "own", "containerd-shim-runc-v2")
    programs = ShimPrograms(str(tmp_path / "path"), (str(tmp_path / "own"),))
    assert programs.resolve("io.containerd.runc.v2") == installed


def test_our_own_shim_is_taken_from_beside_us(tmp_path: Path) -> None:
    program(tmp_path / "path", "containerd-shim-wherry-v2")
    own = program(tmp_path / "own", "containerd-shim-wherry-v2")
    programs = ShimPrograms(str(tmp_path / "path"), (str(tmp_path / "own"),))
    assert programs.resolve("io.containerd.wherry.v2") == own


def test_a_program_that_moved_is_found_again(tmp_path: Path) -> None:
    first = program(tmp_path / "path", "containerd-shim-x-v1")
    second = program(tmp_path / "own", "containerd-shim-x-v1")
    programs = ShimPrograms(str(tmp_path / "path"), (str(tmp_path / "own"),))
    assert programs.resolve("x.v1") == first
    Path(first).unlink()
    assert programs.resolve("x.v1") == second


def test_an_absolute_path_is_the_program(tmp_path: Path) -> None:
    path = program(tmp_path / "x", "my-shim")
    assert ShimPrograms("", ()).resolve(path) == path


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        ("", "no runtime name"),
        ("/nowhere/shim", "invalid custom binary path: stat /nowhere/shim: no such file or directory"),
        ("bin/shim.v1", "invalid runtime name bin/shim.v1, correct runtime name"),
        ("runc", "invalid runtime name runc"),
        ("io.containerd.nope.v1", 'runtime "io.containerd.nope.v1" binary not installed "containerd-shim-nope-v1": '),
    ],
)
def test_what_names_no_program_is_refused_in_containerds_words(runtime: str, words: str) -> None:
    with pytest.raises(Fault) as caught:
        ShimPrograms("", ()).resolve(runtime)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("runtime", ["io.containerd.runc.v1", "io.containerd.runtime.v1.linux"])
def test_runtimes_of_the_past_are_refused_with_what_to_use(runtime: str) -> None:
    with pytest.raises(InvalidArgument, match=r"use io\.containerd\.runc\.v2"):
        ShimPrograms().resolve(runtime)
