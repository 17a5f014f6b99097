"""Read config.json out of a bundle: text, JSON, types, version; whether it makes sense is `validate`'s question."""

import os

from lowrt.jsontext import loads
from lowrt.spec.model import NAMESPACES, Spec, SpecError
from lowrt.spec.schema import CONFIG, PROCESS, check_types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.spec.model import Json

CONFIG_NAME = "config.json"
OCI_VERSION = "1.2.1"


def load_spec(bundle: str) -> Spec:
    """The bundle's configuration; raises SpecError or OSError."""
    # runc works in the bundle and asks the kernel where it is: /var/run/docker is /run/docker from there on.
    bundle = os.path.realpath(bundle)
    try:
        with open(os.path.join(bundle, CONFIG_NAME), "rb") as file:
            text = file.read()
    except FileNotFoundError:
        raise SpecError(f"JSON specification file {CONFIG_NAME} not found") from None
    return parse_spec(text, bundle)


def parse_spec(text: bytes, bundle: str) -> Spec:
    """The configuration in `text`, as if it lay in `bundle`."""
    document = _loads(text)
    if document is None:
        raise SpecError("config cannot be null")
    check_types(document, CONFIG, "")
    assert isinstance(document, dict)
    _check_version(document.get("ociVersion") or "")
    _check_namespaces(document)
    check_process(document.get("process"))
    return Spec(document, bundle)


def parse_process(text: bytes) -> "Json":
    """A process document, as `exec --process` takes it."""
    document = _loads(text)
    check_types(document, PROCESS, "process")
    check_process(document if isinstance(document, dict) else None)
    assert isinstance(document, dict)
    return document


def check_process(process: "Json | None") -> None:
    """What runc demands of a process before it looks at anything else, in its words."""
    if process is None:
        raise SpecError("process property must not be empty")
    cwd = process.get("cwd") or ""
    if not cwd:
        raise SpecError("Cwd property must not be empty")
    if not cwd.startswith("/"):
        raise SpecError("Cwd must be an absolute path")
    if not process.get("args"):
        raise SpecError("args must not be empty")
    if process.get("selinuxLabel") and not os.path.exists("/sys/fs/selinux/enforce"):
        raise SpecError("selinux label is specified in config, but selinux is disabled or not supported")


def _loads(text: bytes) -> object:
    try:
        return loads(text)
    except RecursionError:
        raise SpecError("config.json is nested too deeply") from None


def _check_version(version: str) -> None:
    if version and version.partition(".")[0] != "1":
        raise SpecError(f"unsupported OCI runtime-spec version {version!r} (this is {OCI_VERSION})")


def _check_namespaces(document: "Json") -> None:
    seen = set()
    for namespace in (document.get("linux") or {}).get("namespaces") or ():
        kind = namespace.get("type") or ""
        if kind not in NAMESPACES:
            raise SpecError(f'namespace "{kind}" does not exist')
        if kind in seen:
            raise SpecError(f'malformed spec file: duplicated ns "{kind}"')
        seen.add(kind)
