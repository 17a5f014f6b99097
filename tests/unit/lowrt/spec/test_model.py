"""Views on the document."""

from lowrt.spec.model import Spec


def test_absent_parts_read_as_empty() -> None:
    spec = Spec({}, "/bundle")
    assert (spec.mounts, spec.hooks, spec.annotations, spec.sysctl, spec.resources) == ([], {}, {}, {}, {})
    assert (spec.hostname, spec.domainname, spec.rootfs, spec.seccomp) == ("", "", "", None)
    assert not spec.root_readonly


def test_namespaces_are_new_or_joined() -> None:
    spec = Spec({"linux": {"namespaces": [{"type": "pid"}, {"type": "network", "path": "/ns"}]}}, "/")
    assert spec.has_new_namespace("pid")
    assert spec.has_namespace("network")
    assert not spec.has_new_namespace("network")
    assert not spec.has_namespace("user")


def test_ids_are_mapped_through_the_user_namespace() -> None:
    maps = [{"containerID": 0, "hostID": 1000, "size": 10}, {"containerID": 10, "hostID": 5000, "size": 1}]
    spec = Spec({"linux": {"namespaces": [{"type": "user"}], "uidMappings": maps}}, "/")
    assert spec.host_id(3) == 1003
    assert spec.host_id(10) == 5000
    assert spec.host_id(11) is None
    assert Spec({}, "/").host_id(7) == 7


def test_an_absolute_root_stays_where_it_is() -> None:
    assert Spec({"root": {"path": "/var/lib//x/./root"}}, "/bundle").rootfs == "/var/lib/x/root"
