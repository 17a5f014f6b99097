"""Reading config.json."""

import json
from pathlib import Path

import pytest

from lowrt.errors import Fault
from lowrt.spec.load import load_spec, parse_process, parse_spec
from lowrt.spec.model import SpecError

MINIMAL = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": ["sh"]}}


def test_a_bundle_without_configuration_is_told_so_in_runcs_words(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"^JSON specification file config.json not found$"):
        load_spec(str(tmp_path))


def test_the_root_is_found_relative_to_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(MINIMAL))
    spec = load_spec(str(tmp_path))
    assert spec.rootfs == str(tmp_path / "rootfs")
    assert spec.version == "1.0.2"


def test_a_bundle_reached_through_a_link_is_known_by_its_real_path(tmp_path: Path) -> None:
    """/var/run is /run: dockerd's bundles are below it, and a root must not be a symlink."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "config.json").write_text(json.dumps(MINIMAL))
    spec = load_spec(str(tmp_path / "link"))
    assert spec.bundle == str(tmp_path / "real")
    assert spec.rootfs == str(tmp_path / "real" / "rootfs")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"process": None}, "process property must not be empty"),
        ({"process": {"args": ["sh"]}}, "Cwd property must not be empty"),
        ({"process": {"cwd": "tmp", "args": ["sh"]}}, "Cwd must be an absolute path"),
        ({"process": {"cwd": "/", "args": []}}, "args must not be empty"),
        ({"ociVersion": "2.0.0"}, "unsupported OCI runtime-spec version '2.0.0'"),
        ({"linux": {"namespaces": [{"type": "moon"}]}}, 'namespace "moon" does not exist'),
        ({"linux": {"namespaces": [{"type": "pid"}, {"type": "pid"}]}}, 'malformed spec file: duplicated ns "pid"'),
    ],
)
def test_what_is_missing_is_said_in_runcs_words(change: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(json.dumps(MINIMAL | change).encode(), "/bundle")
    assert message in str(caught.value)


def test_null_is_no_configuration() -> None:
    with pytest.raises(SpecError, match="config cannot be null"):
        parse_spec(b"null", "/bundle")


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"a":NaN}', b"1", b'"x"', b"[]"])
def test_malformed_text_is_one_clear_line(text: bytes) -> None:
    with pytest.raises((Fault, ValueError)) as caught:
        parse_spec(text, "/bundle")
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_process_document_is_held_to_the_same_rules() -> None:
    assert parse_process(b'{"cwd": "/", "args": ["id"]}')["args"] == ["id"]
    with pytest.raises(SpecError, match="Cwd property"):
        parse_process(b'{"args": ["id"]}')
    with pytest.raises(SpecError, match="process property"):
        parse_process(b"null")
