"""The steps that need no privileges; the others are tested on the kernel."""

import pytest

from lowrt.rootfs import build
from lowrt.rootfs.plan import build_plan
from lowrt.rootfs.target import MountError
from lowrt.spec.model import Spec


def test_sources_are_opened_ahead_and_a_missing_one_is_told() -> None:
    mounts = [{"destination": "/x", "source": "/nowhere", "options": ["bind"]}]
    document = {"root": {"path": "/r"}, "mounts": mounts}
    build.open_sources(build_plan(Spec(document, "/bundle"), {}, unified=True))
    linux = {"namespaces": [{"type": "user"}]}
    plan = build_plan(Spec(document | {"linux": linux}, "/bundle"), {}, unified=True)
    with pytest.raises(MountError, match='error mounting "/nowhere"'):
        build.open_sources(plan)


def test_a_plan_without_wishes_finishes_without_doing_anything() -> None:
    build.finish(build_plan(Spec({"root": {"path": "/r"}}, "/bundle"), {}, unified=True), [])
