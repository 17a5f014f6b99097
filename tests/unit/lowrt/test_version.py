"""What `--version` says."""

import re

from lowrt.spec.load import OCI_VERSION
from lowrt.version import SPEC_VERSION, version_text


def test_the_first_line_is_what_dockerd_parses() -> None:
    """moby's daemon looks for "<name> version <version>"."""
    assert re.match(r"lowrt version \d+\.\d+\.\d+\n", version_text())


def test_there_is_one_specification_version() -> None:
    assert SPEC_VERSION == OCI_VERSION
