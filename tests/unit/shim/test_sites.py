"""Packages for a program that was started without site."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_protobuf_is_found_only_once_it_is_asked_for() -> None:
    """`start` and `delete` do without."""
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import importlib.util as u; from shim import sites\n"
        "before = u.find_spec('google.protobuf') if u.find_spec('google') else None\n"
        "sites.enable(); print(before is None, u.find_spec('google.protobuf') is not None)"
    )
    done = subprocess.run([sys.executable, "-IS", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


def test_packages_are_looked_for_once() -> None:
    """A fork that asks again finds the search path as it was."""
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from shim import sites; sites.enable(); before = list(sys.path); sites.enable(); print(sys.path == before)"
    )
    done = subprocess.run([sys.executable, "-IS", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
