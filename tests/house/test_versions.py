"""Every program says the version of the package. Each layer has it as its own, for layers do not import each other."""

import tomllib
from pathlib import Path

import engine
import shim
import supervisor
from lowrt import version as lowrt

ROOT = Path(__file__).resolve().parents[2]


def test_every_layer_has_the_version_of_the_package() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {engine.__version__, supervisor.__version__, shim.__version__, lowrt.VERSION} == {package}
